#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "jobs.h"

namespace galley::scheduler {

/// Which of the waiting jobs of users with a quota may be in the queue: in the order of class and
/// acceptance, as many as fit beside what the user's running jobs hold; a job that does not fit is
/// passed by smaller ones. What is in the queue counts as held, so no pass can give a user more.
///
/// A function of what waits and what is held, not of the past. Users without a quota are not known
/// here. Not thread-safe. A review costs the jobs let in times the sizes that wait.
class UserQuotas {
 public:
  /// Absent: the user is forgotten.
  void set(const std::string& user, std::optional<std::int64_t> max_gpus);
  bool bounds(const Job& job) const;

  void wait(const Job& job, JobIndex index, bool let_in);
  /// It waits no more. Harmless when it did not.
  void leave(const Job& job, JobIndex index);
  void hold(const Job& job, int sign);

  struct Change {
    std::vector<JobIndex> back;    // were let in, and must wait now
    std::vector<JobIndex> let_in;  // in their order
  };
  Change review(const std::string& user);

  /// One sentence with numbers: why the job may not be in the queue.
  std::string reason(const Job& job) const;

 private:
  using Rank = std::tuple<int, JobSeq, JobIndex>;
  struct User {
    std::int64_t max_milli = 0;
    std::int64_t held_milli = 0;
    std::map<std::int64_t, std::set<Rank>> waiting;  // by the GPUs asked for
    std::set<Rank> let_in;
    std::int64_t let_in_milli = 0;
  };
  static Rank rank_of(const Job& job, JobIndex index);

  std::map<std::string, User, std::less<>> users_;
};

}  // namespace galley::scheduler
