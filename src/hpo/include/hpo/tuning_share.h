#pragma once

#include <cstdint>

namespace galley::hpo {

/// What the leader knows of the cluster when it divides GPUs between people's jobs and tuning.
struct ShareFacts {
  std::int64_t gpus = 0;         // all healthy ones
  std::int64_t people_use = 0;   // held by people's jobs
  std::int64_t people_wait = 0;  // asked for by people's jobs that wait
  std::int64_t tuning_use = 0;   // held by trials now
  std::int64_t tuning_want = 0;  // what studies could use
  std::int64_t tuning_min = 0;   // what studies keep even when people wait
};

struct ShareRule {
  /// Free GPUs kept for the next job of a person, so that most need not wait for a trial to leave:
  /// a share of all GPUs, rounded down (a small cluster keeps none: its people wait for a trial to
  /// leave, seconds, rather than lose a whole GPU to waiting).
  double guard_ratio = 0.03;
  /// Trials give way when fewer than the guard are free, and come back only when as many more than
  /// the guard are: without this band every job that ends and begins would pause a trial.
  double band_ratio = 0.01;
};

/// GPUs that tuning may hold from now on. Falls at once, by what people lack and to restore the
/// guard; rises only past the band. Pure and O(1).
std::int64_t tuning_share(const ShareFacts& facts, const ShareRule& rule = {});

}  // namespace galley::hpo
