#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace galley::support {

struct PostgresOptions {
  /// fsync on commit.
  bool durable = false;
  /// In the folder for temporary files; else in memory (/dev/shm) where there is room.
  bool on_disk = false;
  /// Lines of postgresql.conf after ours.
  std::vector<std::string> settings{};
  /// Where its folder is made; the system's for temporary files when empty.
  std::filesystem::path parent{};
};

/// A PostgreSQL of Debian's in a temporary folder, on a Unix socket and a loopback port of its own,
/// as an unprivileged user when we are root, since PostgreSQL refuses to run as root. The databases
/// sort by a language (ICU), not by bytes, so that a missing collation shows. Anyone on the machine
/// may connect, but for the role `locked`, whose password is "right". The destructor stops it and
/// removes everything; so does the kernel when the thread that started it ends.
class PostgresServer {
 public:
  /// Errors: not_found (no server is installed), unavailable (what it said).
  static Result<PostgresServer> start(const PostgresOptions& options = {});

  PostgresServer(PostgresServer&& other) noexcept;
  PostgresServer& operator=(PostgresServer&&) = delete;
  ~PostgresServer();

  /// Makes an empty database and answers its URL.
  Result<std::string> make_database(const std::string& name);
  /// "postgresql://galley@127.0.0.1:PORT/NAME".
  std::string url(const std::string& database) const;
  /// Runs SQL as the owner and answers the first column of the first row.
  Result<std::string> run(const std::string& database, const std::string& sql) const;

  /// SIGQUIT: ends at once and recovers at the next start, as after a power cut of the process.
  Status crash();
  /// Starts it again on the same port. From now on it ends with the calling thread.
  Status restart();
  bool is_running() const { return pid_ > 0; }
  int port() const { return port_; }
  pid_t pid() const { return pid_; }

 private:
  PostgresServer() = default;
  Status initialise(const PostgresOptions& options);
  Status begin();
  Status wait_ready();
  void reap();
  std::string log() const;

  std::filesystem::path programs_;
  std::filesystem::path folder_;
  std::vector<std::string> as_user_;  // what comes before a command
  int port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace galley::support
