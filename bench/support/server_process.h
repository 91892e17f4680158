#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"

namespace galley::support {

struct ServerOptions {
  std::filesystem::path program;  // the galley executable
  std::filesystem::path data;
  std::vector<std::string> arguments{};    // further ones of `galley up`
  std::vector<std::string> environment{};  // "NAME=value": replace ours
  std::string role = "up";                 // or controller, serve, or agent, which listens nowhere
  std::string listen = "127.0.0.1:0";
  std::vector<std::string> before{};  // a program and its arguments that become galley
};

/// How a server ended.
struct ServerEnd {
  int exit_code = 0;  // 128 + signal when a signal ended it
  std::string said;   // its stderr
};

/// `galley up --data DATA --listen 127.0.0.1:0`, or another role, as a child of this process. The
/// destructor kills it, and so does the kernel when the thread that started it ends, so that no
/// server outlives its driver. What it leaves running by design, the jobs' supervisors, is ended by
/// end_supervisors(). One thread at a time.
class ServerProcess {
 public:
  /// Begins it and returns at once. Errors: not_found (no such program), exhausted.
  static Result<ServerProcess> begin(const ServerOptions& options);
  /// Begins it and waits until it serves. Errors: those of begin() and wait_ready().
  static Result<ServerProcess> start(const ServerOptions& options);

  ServerProcess(ServerProcess&& other) noexcept;
  ServerProcess& operator=(ServerProcess&& other) noexcept;
  ~ServerProcess() { kill(); }

  /// Waits until it has printed its address, or an agent who it is. Errors: unavailable (it ended:
  /// what it said), timeout.
  Status wait_ready(Millis timeout = Millis{20'000});
  /// Waits for its end. Errors: timeout.
  Result<ServerEnd> wait(Millis timeout);
  /// SIGTERM, then wait(). Errors: timeout.
  Result<ServerEnd> stop(Millis timeout = Millis{20'000});
  /// SIGKILL at once, and reaps it. Nothing happens when it has ended.
  void kill();

  pid_t pid() const { return pid_; }
  const std::string& url() const { return url_; }      // "http://127.0.0.1:43127", once ready
  const std::string& token() const { return token_; }  // of its owner, once ready
  std::string stderr_text() const;

 private:
  ServerProcess() = default;
  int reap();

  pid_t pid_ = -1;  // -1 once it is reaped
  std::filesystem::path data_;
  std::string role_;
  UniqueFd pidfd_;
  UniqueFd stdout_;  // open as long as the server: it must not meet a broken pipe
  UniqueFd stderr_;  // a file in memory
  std::string printed_;
  std::string url_;
  std::string token_;
};

/// Kills the supervisors (and with them the programs) of all attempts in a data folder whose server
/// is gone. Identified by pid, start time and boot, so no other process can be hit.
void end_supervisors(const std::filesystem::path& data);

/// The folder of this program, where its siblings lie.
std::filesystem::path program_folder();

}  // namespace galley::support
