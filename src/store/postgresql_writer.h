#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "postgresql_connection.h"
#include "write_queue.h"

namespace galley::store {

/// Where notifications of commits go, one for each database.
inline constexpr std::string_view kCommitChannel = "galley_commit";

/// Carries out commands on one session, in groups: one transaction with a savepoint for each.
///
/// A group that meets a serialization failure, a deadlock or a lost session before its commit is
/// run again on a new session. A session that is lost during the commit leaves its outcome open:
/// each transaction leaves its number in a row of its writer's, and once the write lock is to be
/// had, so that the lost one is over, that row says whether it was committed. Each command is
/// answered `unavailable` once it has waited longer than the patience.
class PostgresqlWriter {
 public:
  struct Options {
    PostgresqlSession session;
    Millis patience{5'000};
  };

  /// `connection` may be null: it is opened when first needed. `committed` is called on the
  /// writer's thread after each commit that changed something, before the commands' answers.
  PostgresqlWriter(Options options, std::unique_ptr<PostgresqlConnection> connection,
                   std::function<void()> committed);
  /// Commands that were accepted are still carried out.
  ~PostgresqlWriter();

  void push(Database::Command command, Database::Done done) {
    queue_.push(std::move(command), std::move(done));
  }
  Database::Stats stats() const;
  /// The server's process of the session, 0 while there is none.
  int backend_pid() const { return backend_pid_; }

 private:
  using Group = std::vector<WaitingWrite>;

  /// How an attempt at a group ended.
  struct Attempt {
    enum class End { done, again, unknown } end = End::done;
    std::vector<Status> outcomes{};  // of the first commands of the group; the others wait on
    Error why{};                     // when it must be run again
    std::string transaction{};       // its number, when the outcome is unknown
    bool changed = false;
  };

  void serve();
  void carry_out(Group& group);
  Attempt attempt(const Group& group);
  Attempt run_commands(const Group& group);
  std::optional<Error> run_command(const Database::Command& command,
                                   const std::optional<Row>& transaction, Attempt& attempt);
  Attempt commit(Attempt attempt, const std::optional<Row>& transaction);
  Attempt resolve(Attempt attempt, Instant deadline);
  Status connect();
  void drop_connection();
  void answer(Group& group, Attempt attempt);
  void expire(Group& group, const Error& why);

  Result<bool> is_committed(const std::string& transaction);

  const Options options_;
  const std::string id_;                              // of this writer, in the table of commits
  std::unique_ptr<PostgresqlConnection> connection_;  // used by thread_ alone
  const std::function<void()> committed_;
  WriteQueue queue_;
  std::atomic<std::int64_t> commands_{0};
  std::atomic<std::int64_t> commits_{0};
  std::atomic<int> backend_pid_{0};
  std::thread thread_;  // last, so that all above exists when it starts
};

}  // namespace galley::store
