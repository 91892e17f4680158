#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "http/client.h"

namespace galley::support {

/// Speaks to whichever controller leads, as a program of a user would: where it is told who leads
/// it goes there, and otherwise it asks them in turn. One thread.
class LeaderClient {
 public:
  struct Options {
    std::vector<std::string> urls;
    std::string token;
    Millis connect_timeout{500};
    Millis answer_timeout{2'000};
  };
  explicit LeaderClient(Options options) : options_(std::move(options)) {}
  /// One try, at the controller that answered last; another is tried the next time when it fails.
  /// Errors: what the controller said, or that it did not answer.
  Result<Json> ask(http::Client::Call call);

 private:
  const Options options_;
  std::size_t at_ = 0;
  std::unique_ptr<http::Client> client_;
};

}  // namespace galley::support
