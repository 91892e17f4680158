#pragma once

#include <map>
#include <set>
#include <unordered_map>

#include "command_store.h"

namespace galley::controller {

/// The twin of the SQL commands: the same preconditions and answers, without events, runs and
/// metrics, which nothing that is decided depends on.
class MemoryStore final : public CommandStore {
 public:
  Result<std::int64_t> lead() override { return ++epoch_; }
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
  struct Member {
    scheduler::NodeShare share;
    bool running = false;
    bool ended = false;
  };
  struct Attempt {
    AttemptId id;
    JobId job;
    std::int64_t number = 1;
    protocol::AttemptState state = protocol::AttemptState::starting;
    std::int64_t milli = 0;  // of each device
    std::int64_t cpus = 0;   // of each member
    std::int64_t memory_bytes = 0;
    std::vector<Member> members;
    bool preemption_asked = false;
    std::optional<protocol::AttemptState> outcome;
    std::optional<WallTime> failed_at;  // of the outcome
    protocol::AttemptReport decisive;   // reason, code and signal of the end that counts
    WallTime created{};
    WallTime finished{};
  };
  struct Job {
    protocol::JobRecord record;
    std::optional<AttemptId> last_attempt;
    std::int64_t lost = 0;
  };
  struct Device {
    NodeId node;
    bool in_service = true;
    std::int64_t milli = 0;  // given away
  };
  struct Node {
    protocol::NodeRecord record;
    std::int64_t cpus = 0;  // given away
    std::int64_t memory_bytes = 0;
  };

  Result<Attempt*> active(const AttemptId& id);
  static Result<Member*> member(Attempt& attempt, std::int64_t rank);
  Result<std::vector<scheduler::Content>> contents(const protocol::JobSpec& spec) const;
  Status take(const StartAttempt& command);
  void give(const Attempt& attempt);
  protocol::JobState finish(Attempt& attempt, Job& job, const protocol::AttemptReport& report,
                            WallTime at);
  std::vector<protocol::NodeRecord> nodes() const;

  std::int64_t epoch_ = 0;
  std::int64_t last_seq_ = 0;
  std::unordered_map<JobId, Job> jobs_;
  std::map<std::int64_t, JobId> unfinished_;  // by seq
  std::unordered_map<AttemptId, Attempt> attempts_;
  std::set<AttemptId> active_;
  std::map<std::pair<std::int64_t, std::string>, double> usage_;  // GPU-seconds by hour and team
  std::map<NodeId, Node> nodes_;
  std::unordered_map<std::string, Device> devices_;
  std::map<std::string, protocol::TeamSpec> teams_;
  struct Reservation {
    protocol::ReservationRecord record;
    bool cancelled = false;
  };
  std::map<ReservationId, Reservation> reservations_;
  std::map<std::string, std::int64_t> datasets_;
  std::map<NodeId, std::set<std::string>> contents_;
  struct Remembered {
    std::string request_sha256;
    JobId job;
  };
  std::map<std::pair<std::string, std::string>, Remembered> idempotency_;
};

}  // namespace galley::controller
