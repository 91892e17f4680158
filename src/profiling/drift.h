#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profiling/answers.h"
#include "profiling/profile.h"

/// What a study's looks at the machine (the experiment "machine") say of its times. Pure.
namespace galley::profiling {

/// One look at the machine.
struct Look {
  std::string during;     // id of the experiment
  double beat_ms = 0;     // of the fixed piece of work, without waiting
  double waited = 0;      // of its time, below 1: others had its processor
  double any_waited = 0;  // of the time of all processors
};
/// Of the experiment "machine"; rows without a beat are left out.
std::vector<Look> looks_of(const Experiment& machine);
/// Where the fastest moments begin, of all that were seen: one look may be lucky. `looks` not
/// empty.
double fastest_ms(const std::vector<Look>& looks);

/// Times of one experiment beside what the same work takes on the same machine when it is free.
struct Drift {
  /// Factors on a time: from what would remain of it, had nothing else run and the machine been as
  /// fast as in the fastest moments of the study, to what it would be as in the slowest.
  double faster = 1, slower = 1;
  /// What a fixed piece of work took here, waiting included; compares studies of one machine.
  /// 0: nobody looked.
  double level_ms = 0;
  double waited = 0;  // the share of the time in which others had the processors
};

/// Of one experiment; of the whole study where nobody looked meanwhile, no drift where never.
Drift drift_of(const Profile& profile, std::string_view experiment);

/// The interval of a time, or of a speed (which is smaller when the machine is slower), that holds
/// what the machine's changes may have done to it too. The value stays.
Interval widened_time(const Interval& time, const Drift& drift);
Interval widened_speed(const Interval& speed, const Drift& drift);

/// Of one study's time over another's on the same machine: reaches as far as what the machine's own
/// levels explain of it.
Interval widened_ratio(const Interval& ratio, const Drift& of, const Drift& over);

/// How much slower the slowest experiment's machine was than a free one, as a share: 0.3 for 30 %.
/// None without looks.
std::optional<double> largest_slowdown(const Profile& profile);

}  // namespace galley::profiling
