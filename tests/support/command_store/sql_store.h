#pragma once

#include <memory>

#include "command_store.h"
#include "store/database.h"

namespace galley::controller {

/// The real commands, each in a transaction of its own.
class SqlStore final : public CommandStore {
 public:
  /// The database must outlive it.
  explicit SqlStore(store::Database& database) : database_(database) {}

  Result<std::int64_t> lead() override;
  Result<AcceptedJob> accept(const AcceptJob& command) override;
  Result<StartedAttempt> start(const StartAttempt& command) override;
  Result<RunningMember> run(const protocol::AttemptReport& report, WallTime at) override;
  Result<EndedMember> end(const protocol::AttemptReport& report, WallTime at) override;
  Status preempt(const PreemptAttempt& command) override;
  Result<protocol::JobState> cancel(const CancelJob& command) override;
  Status save_node(const protocol::NodeRecord& node, WallTime at) override;
  Status put_team(const PutTeam& command) override;
  Status delete_team(const DeleteTeam& command) override;
  Status reserve(const Reserve& command) override;
  Status unreserve(const Unreserve& command) override;
  Status add_dataset(const std::string& reference, std::int64_t size_bytes) override;
  Result<Restored> restore(WallTime now) override;
  Result<protocol::JobRecord> job(const JobId& id) override;
  Result<protocol::AttemptState> attempt_state(const AttemptId& id) override;
  Result<std::vector<HeldDevice>> held() override;

 private:
  template <class Answer, class Command>
  Result<Answer> write(const Command& command);

  store::Database& database_;
};

}  // namespace galley::controller
