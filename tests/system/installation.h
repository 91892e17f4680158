#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "api_client.h"
#include "process/child.h"
#include "server_process.h"
#include "support/temp_folder.h"

namespace galley::testing {

inline std::filesystem::path program(const std::string& name) {
  return std::filesystem::path(GALLEY_BIN_DIR) / name;
}

/// As on a machine where Galley is installed: jobs find its programs by name, after those of
/// `first`.
inline std::string program_path(const std::filesystem::path& first = {}) {
  return "PATH=" + (first.empty() ? std::string() : first.string() + ":") +
         std::string(GALLEY_BIN_DIR) + ":" + std::getenv("PATH");
}

/// One installation in a folder of its own: a server that can be killed and started again, and the
/// command line of its owner. Ends all that it started.
class Installation {
 public:
  ~Installation();

  /// Fails the test when the server does not come up. `arguments` are further ones of `galley up`;
  /// programs in the folder `programs` come before all others of their names; `before` is a program
  /// with its arguments that becomes the server.
  void start(std::vector<std::string> arguments = {}, const std::filesystem::path& programs = {},
             std::vector<std::string> before = {});
  support::ServerProcess& server() { return *server_; }
  support::ApiClient client() const;

  /// `galley ARGUMENTS` in the folder work() with this installation as its default.
  process::ChildOutput galley(std::vector<std::string> arguments,
                              const std::string& input = {}) const;

  std::filesystem::path data() const { return temp_ / "data"; }
  std::filesystem::path work() const { return temp_ / "work"; }
  std::filesystem::path folder() const { return temp_.path(); }

 private:
  TempFolder temp_;
  std::optional<support::ServerProcess> server_;
};

/// Asks again and again until the condition holds. False after 20 seconds.
template <class Condition>
bool eventually(const Condition& holds);

/// The state of a job as the API gives it.
std::string state_of(support::ApiClient& client, const std::string& job);
/// What a job has printed so far, from that position on, not waiting for more.
std::string log_from(support::ApiClient& client, const std::string& job, std::size_t offset);

template <class Condition>
bool eventually(const Condition& holds) {
  constexpr int kTries = 4000;
  for (int i = 0; i < kTries; ++i) {
    if (holds()) return true;
    ::usleep(5'000);
  }
  return false;
}

}  // namespace galley::testing
