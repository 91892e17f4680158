#pragma once

#include <memory>
#include <string>

#include "agent/identity.h"
#include "base/clock.h"
#include "base/result.h"
#include "http/client.h"
#include "passing.h"

namespace galley::agent {

/// One kept connection to a controller, of one thread; what is long must not hold up what is
/// urgent, so each kind of traffic has a lane of its own.
class Lane {
 public:
  /// A readable interrupt_fd ends what is under way. `access` must outlive the lane.
  Lane(const ControllerAccess& access, int interrupt_fd, Millis timeout = Millis{10'000})
      : access_(access), interrupt_fd_(interrupt_fd), timeout_(timeout) {}

  /// An answer below 400. Errors: the problem that was answered; those of the connection.
  Result<http::Response> send(const std::string& address, http::Client::Call call);
  /// An answer of any status.
  Result<http::Response> send_raw(const std::string& address, http::Client::Call call);
  void close() { client_.reset(); }

 private:
  const ControllerAccess& access_;
  const int interrupt_fd_;
  const Millis timeout_;
  std::string address_;
  std::unique_ptr<http::Client> client_;
};

}  // namespace galley::agent
