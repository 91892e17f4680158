#include "http/server.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "asio_transport.h"
#include "base/file.h"
#include "connection.h"
#include "event_loop.h"
#include "listener.h"
#include "site.h"

namespace galley::http {
namespace {

/// Deadlines are met to a quarter of the shortest, within these bounds.
constexpr std::chrono::milliseconds kSweepMin{5};
constexpr std::chrono::milliseconds kSweepMax{500};

std::chrono::milliseconds sweep_interval(const Limits& limits) {
  const auto shortest = std::min(
      {limits.header_timeout, limits.body_timeout, limits.idle_timeout, limits.write_timeout});
  return std::clamp(shortest / 4, kSweepMin, kSweepMax);
}

/// What a killed server has left there is of no use.
Status empty_folder(const std::filesystem::path& folder) {
  GALLEY_TRY_STATUS(make_folders(folder));
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
    std::filesystem::remove(entry.path(), ignored);
  return ok();
}

}  // namespace

/// Destroyed from the bottom up: pool and loop stop in ~Server before anything here goes.
struct Server::Impl {
  Impl(Router the_router, const ServerOptions& options)
      : router(std::move(the_router)),
        pool(options.pool_threads, options.limits.queue),
        hub(std::make_shared<Hub>([this] { loop.post([this] { hub->deliver(); }); })),
        site(router.impl(), options.limits, pool, hub) {
    site.on_quiet = [this](Connection& connection) { quiet(connection); };
  }

  void accept(std::unique_ptr<Transport> transport, Peer peer) {
    if (site.draining || connections.size() >= site.limits.connections) return transport->close();
    auto connection = std::make_shared<Connection>(site, std::move(transport), std::move(peer));
    connections.emplace(connection.get(), connection);
    connection_count = connections.size();
    connection->start();
  }

  void sweep() {
    const auto now = std::chrono::steady_clock::now();
    for (const auto& connection : all()) connection->check_deadline(now);
  }

  /// A copy, since what is done to one removes it.
  std::vector<std::shared_ptr<Connection>> all() const {
    std::vector<std::shared_ptr<Connection>> copies;
    copies.reserve(connections.size());
    for (const auto& [unused, connection] : connections) copies.push_back(connection);
    return copies;
  }

  void quiet(Connection& connection) {
    if (connection.closed()) {
      connections.erase(&connection);
      connection_count = connections.size();
    }
    if (site.draining) tell_if_drained();
  }

  void tell_if_drained() {
    if (std::ranges::any_of(connections, [](const auto& entry) { return entry.second->busy(); }))
      return;
    const std::lock_guard lock(drain_mutex);
    drained = true;
    drain_done.notify_all();
  }

  void begin_drain() {
    if (std::exchange(site.draining, true)) return;
    loop.stop_listening();
    local_file.remove();
    for (const auto& connection : all()) connection->begin_drain();
    tell_if_drained();
  }

  void close_all() {
    for (const auto& connection : all()) connection->close();
    const std::lock_guard lock(drain_mutex);
    closed = true;
    drain_done.notify_all();
  }

  Router router;
  Pool pool;
  EventLoop loop;
  std::shared_ptr<Hub> hub;
  Site site;
  LocalSocketFile local_file;
  std::vector<std::string> addresses;
  std::map<Connection*, std::shared_ptr<Connection>> connections;  // I/O thread only
  std::atomic<std::size_t> connection_count{0};

  std::mutex drain_mutex;  // guards drained and closed
  std::condition_variable drain_done;
  bool drained = false;
  bool closed = false;
  std::jthread io_thread;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, Router router) {
  auto routes = std::make_unique<Impl>(std::move(router), options);
  auto& impl = *routes;
  for (const auto& [pattern, bytes] : options.body_bytes_of_route) {
    const auto& all = impl.router.impl().routes;
    if (std::ranges::none_of(all, [&](const auto& route) { return route->pattern == pattern; }))
      return Error{Errc::invalid_argument,
                   "a body limit names '" + pattern + "', which no route has"};
    for (const auto& route : all)
      if (route->pattern == pattern) route->body_bytes = bytes;
  }
  if (!options.spooled_routes.empty()) {
    GALLEY_TRY_STATUS(empty_folder(options.spool_folder));
    impl.site.spool_folder = options.spool_folder;
  }
  for (const auto& route : impl.router.impl().routes)
    route->spools =
        std::ranges::find(options.spooled_routes, route->pattern) != options.spooled_routes.end() &&
        (route->method == "PUT" || route->method == "POST");
  std::shared_ptr<TlsContext> tls;
  if (options.tls) {
    GALLEY_TRY(tls, load_tls(*options.tls));
  }
  const auto accept = [&impl](std::unique_ptr<Transport> transport, Peer peer) {
    impl.accept(std::move(transport), std::move(peer));
  };
  for (const auto& address : options.listen) {
    GALLEY_TRY(auto bound, listen_tcp(address));
    impl.addresses.push_back(std::move(bound.address));
    impl.loop.listen(std::move(bound.socket), EventLoop::Kind::tcp, tls, accept);
  }
  if (!options.unix_socket.empty()) {
    GALLEY_TRY(auto bound, listen_local(options.unix_socket));
    impl.local_file = std::move(bound.file);
    impl.loop.listen(std::move(bound.socket), EventLoop::Kind::local, nullptr, accept);
  }
  impl.loop.every(sweep_interval(options.limits), [&impl] { impl.sweep(); });
  impl.io_thread = std::jthread([&impl] { impl.loop.run(); });
  return std::unique_ptr<Server>(new Server(std::move(routes)));
}

Server::~Server() {
  drain(std::chrono::milliseconds{0});
  impl_->pool.stop();
  impl_->hub->close();
  impl_->loop.stop();
  impl_->io_thread.join();
}

const std::vector<std::string>& Server::addresses() const { return impl_->addresses; }

void Server::drain(std::chrono::milliseconds grace) {
  auto& impl = *impl_;
  impl.loop.post([&impl] { impl.begin_drain(); });
  std::unique_lock lock(impl.drain_mutex);
  impl.drain_done.wait_for(lock, grace, [&] { return impl.drained; });
  if (impl.closed) return;
  impl.loop.post([&impl] { impl.close_all(); });
  impl.drain_done.wait(lock, [&] { return impl.closed; });
}

Server::Load Server::load() const {
  return {impl_->connection_count.load(), impl_->pool.queued(), impl_->site.streams.load()};
}

}  // namespace galley::http
