#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "base/file.h"
#include "postgresql_connection.h"

namespace galley::store {

/// Hears the commits of other processes on a session of its own, connecting again when it is lost.
class PostgresqlListener {
 public:
  /// `heard` is called on the listener's thread for notifications of other backends than
  /// own_backend(), and after each reconnection, since some may have been missed.
  PostgresqlListener(PostgresqlSession session, std::unique_ptr<PostgresqlConnection> connection,
                     std::function<int()> own_backend, std::function<void()> heard);
  ~PostgresqlListener();

  /// Makes the connection hear commits.
  static Status listen(PostgresqlConnection& connection);

 private:
  void serve();
  bool reconnect();
  bool wait_for_input(int socket, Millis timeout) const;

  const PostgresqlSession session_;
  std::unique_ptr<PostgresqlConnection> connection_;  // used by thread_ alone
  const std::function<int()> own_backend_;
  const std::function<void()> heard_;
  std::atomic<bool> stopping_ = false;
  UniqueFd wake_;  // an eventfd: becomes readable when the listener is to stop
  std::thread thread_;
};

}  // namespace galley::store
