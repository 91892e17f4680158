#include "event_loop.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <utility>

#include "asio_transport.h"
#include "base/log.h"
#include "listener.h"

namespace galley::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;

/// How long accepting rests when the process has no descriptors left; trying again at once would
/// spin, since the waiting connection stays in the backlog.
constexpr std::chrono::milliseconds kAcceptRest{100};

class Listener {
 public:
  Listener(asio::io_context& context, UniqueFd socket, EventLoop::Kind kind,
           std::shared_ptr<TlsContext> tls, EventLoop::Accept accept)
      : acceptor_(context),
        rest_(context),
        kind_(kind),
        tls_(std::move(tls)),
        accept_(std::move(accept)) {
    const int family = kind == EventLoop::Kind::local ? AF_UNIX : AF_INET;
    const int protocol = kind == EventLoop::Kind::local ? 0 : IPPROTO_TCP;
    acceptor_.assign({family, protocol}, socket.release());
    next();
  }

  void close() {
    error_code ignored;
    acceptor_.close(ignored);
    rest_.cancel();
  }

 private:
  void next() {
    acceptor_.async_accept([this](const error_code& error, Socket socket) {
      if (error == asio::error::operation_aborted || !acceptor_.is_open()) return;
      if (!error) {
        admit(std::move(socket));
        return next();
      }
      // Most errors belong to one connection that went away again; only running out is ours.
      if (error != asio::error::no_descriptors && error != asio::error::no_memory) return next();
      log::warn("http", "cannot accept a connection", {{"reason", error.message()}});
      rest_.expires_after(kAcceptRest);
      rest_.async_wait([this](const error_code& cancelled) {
        if (!cancelled) next();
      });
    });
  }

  void admit(Socket socket) {
    Peer peer = peer_of(socket.native_handle());
    peer.tls = tls_ != nullptr;
    if (kind_ == EventLoop::Kind::tcp) {
      const int on = 1;  // an answer is one write; waiting to fill a segment only delays it
      setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    accept_(tls_ ? make_tls_transport(std::move(socket), *tls_)
                 : make_plain_transport(std::move(socket)),
            std::move(peer));
  }

  Acceptor acceptor_;
  asio::steady_timer rest_;
  EventLoop::Kind kind_;
  std::shared_ptr<TlsContext> tls_;
  EventLoop::Accept accept_;
};

}  // namespace

struct EventLoop::Impl {
  struct Tick {
    asio::steady_timer timer;
    std::chrono::milliseconds interval;
    std::function<void()> task;
  };

  void arm(Tick& tick) {
    tick.timer.expires_after(tick.interval);
    tick.timer.async_wait([this, &tick](const error_code& cancelled) {
      if (cancelled) return;
      tick.task();
      arm(tick);
    });
  }

  asio::io_context context{1};  // one thread runs it, which spares Asio its hand-over to others
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  std::list<Tick> ticks;
  std::list<Listener> listeners;
};

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {}
EventLoop::~EventLoop() = default;

void EventLoop::run() { impl_->context.run(); }
void EventLoop::stop() { impl_->context.stop(); }
void EventLoop::post(std::function<void()> task) { asio::post(impl_->context, std::move(task)); }

void EventLoop::every(std::chrono::milliseconds interval, std::function<void()> task) {
  impl_->ticks.push_back({asio::steady_timer(impl_->context), interval, std::move(task)});
  impl_->arm(impl_->ticks.back());
}

void EventLoop::listen(UniqueFd socket, Kind kind, std::shared_ptr<TlsContext> tls, Accept accept) {
  impl_->listeners.emplace_back(impl_->context, std::move(socket), kind, std::move(tls),
                                std::move(accept));
}

void EventLoop::stop_listening() {
  for (auto& listener : impl_->listeners) listener.close();
}

}  // namespace galley::http
