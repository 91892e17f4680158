#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "profiling/profile.h"
#include "run_table.h"

namespace galley::profiling {

/// Milliseconds of a fixed piece of arithmetic on one thread, the median of several beats. It knows
/// nothing of models, so that beats of two studies on one machine may be compared. About 3 ms.
double beat_ms();

/// How long this process's threads stood ready to run while no processor was free, by the kernel's
/// count (/proc/self/task/*/schedstat).
class ThreadWaits {
 public:
  /// Seconds of each thread since the last call; a thread that is new counts from its beginning,
  /// one that has ended is forgotten. Empty where the system does not tell.
  std::vector<double> since_last();

 private:
  std::map<int, std::uint64_t> seen_ns_;
};

/// Shares of a time. `longest`: in which the thread that waited most waited. `any`: in which some
/// thread did, as if their waits knew nothing of one another. What waiting cost lies between them:
/// threads of a model wait for each other, and take over a part of each other's work.
struct WaitedShares {
  double longest = 0, any = 0;
};
WaitedShares waited_shares(const std::vector<double>& waits_s, double window_s);

/// Looks at the machine between the measurements of a study, some two hundred times, and keeps what
/// it saw: how fast it computes, and how long others kept us from it. What lasts longer than a
/// measurement is in no scatter of its repetitions; it is in this.
class Yardstick {
 public:
  /// One beat; nothing where it failed, after which there is none any more.
  using Beat = std::function<std::optional<double>()>;
  /// `counts_waits`: what is measured runs in this process.
  Yardstick(const Clock& clock, double study_s, bool counts_waits, Beat beat);

  /// An experiment begins, whose name counts until the next; looks in any case.
  void mark(std::string_view experiment);
  /// Looks where the last one is long enough ago, or in any case. To be called before each
  /// measurement; in any case while threads that measured are still there.
  void look(bool always = false);
  /// The table "machine": all that was seen.
  Experiment take() { return table_.take(); }

 private:
  void read();

  const Clock& clock_;
  Beat beat_;
  bool counts_waits_;
  ThreadWaits waits_;
  Instant began_, last_;
  double interval_s_;
  std::string during_;
  Table table_;
};

}  // namespace galley::profiling
