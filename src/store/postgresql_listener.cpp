#include "postgresql_listener.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "postgresql_writer.h"

namespace galley::store {
namespace {

constexpr Millis kFirstPause{50};
constexpr Millis kLongestPause{1'000};
constexpr Millis kForever{-1};

}  // namespace

PostgresqlListener::PostgresqlListener(PostgresqlSession session,
                                       std::unique_ptr<PostgresqlConnection> connection,
                                       std::function<int()> own_backend,
                                       std::function<void()> heard)
    : session_(std::move(session)),
      connection_(std::move(connection)),
      own_backend_(std::move(own_backend)),
      heard_(std::move(heard)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { serve(); }) {
  GALLEY_CHECK(wake_, "no descriptor is left for the database's listener");
}

PostgresqlListener::~PostgresqlListener() {
  stopping_ = true;
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
  thread_.join();
}

Status PostgresqlListener::listen(PostgresqlConnection& connection) {
  return connection.run_script("listen " + std::string(kCommitChannel));
}

/// True when the socket has something for us; false after the time or when we are to stop.
bool PostgresqlListener::wait_for_input(int socket, Millis timeout) const {
  std::array<pollfd, 2> wanted{pollfd{wake_.get(), POLLIN, 0}, pollfd{socket, POLLIN, 0}};
  const int ready = ::poll(wanted.data(), socket < 0 ? 1 : 2, static_cast<int>(timeout.count()));
  return ready > 0 && wanted[1].revents != 0;
}

void PostgresqlListener::serve() {
  while (!stopping_) {
    if (!connection_ && !reconnect()) return;
    if (!wait_for_input(connection_->socket(), kForever)) continue;
    const auto backends = connection_->read_notifications();
    if (!backends) {
      connection_.reset();
      continue;
    }
    const int own = own_backend_();
    if (std::ranges::any_of(*backends, [&](int backend) { return backend != own; })) heard_();
  }
}

/// False when we are to stop.
bool PostgresqlListener::reconnect() {
  for (Millis pause = kFirstPause; !stopping_; pause = std::min(2 * pause, kLongestPause)) {
    auto opened = PostgresqlConnection::open(session_);
    if (opened && listen(**opened)) {
      connection_ = *std::move(opened);
      heard_();
      return true;
    }
    (void)wait_for_input(-1, pause);
  }
  return false;
}

}  // namespace galley::store
