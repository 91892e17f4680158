#pragma once

#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace galley::profiling {

/// The time of one experiment, or of a part of it.
class Budget {
 public:
  /// `tick` is told the share of the time that has gone, whenever somebody asks how much is left.
  Budget(const Clock& clock, Instant end, std::stop_token stop,
         std::function<void(double)> tick = {})
      : clock_(&clock),
        began_(clock.steady()),
        end_(end),
        stop_(std::move(stop)),
        tick_(std::move(tick)) {}

  bool interrupted() const { return stop_.stop_requested(); }
  /// Nothing more is to be begun: the time is up, or somebody interrupts.
  bool over() const;
  double left_s() const;
  double spent_share() const;  // 0 to 1
  /// Whether work that takes about so long may be begun.
  bool affords(double seconds) const { return !over() && seconds <= left_s(); }
  Instant end() const { return end_; }
  Instant now() const { return clock_->steady(); }
  const std::stop_token& stop() const { return stop_; }
  /// A part of what is left, from now on.
  Budget part(double share) const;

 private:
  const Clock* clock_;
  Instant began_;
  Instant end_;
  std::stop_token stop_;
  std::function<void(double)> tick_;
};

/// Divides the time of a study among its experiments: each gets its weight's share of what is left
/// when its turn comes, so what one does not use goes to those after it.
class TimePlan {
 public:
  struct Item {
    std::string_view id;
    double weight = 1;
  };
  /// `tick` is told how much of the whole is done, 0 to 1, as its budgets are asked.
  TimePlan(const Clock& clock, double seconds, std::vector<Item> items, std::stop_token stop,
           std::function<void(double ratio)> tick = {});

  /// The next experiment's; each is asked for once, in any order.
  Budget begin(std::string_view id);

 private:
  const Clock& clock_;
  Instant end_;
  std::vector<Item> left_;
  double weight_ = 0;
  std::stop_token stop_;
  std::function<void(double)> tick_;
};

/// How long each kind of work took the last time, to tell whether there is time for it again. The
/// first guess for a kind comes from the nearest one before it that is known, each step twice as
/// large.
class Costs {
 public:
  explicit Costs(std::size_t kinds) : seconds_(kinds, -1) {}
  /// Seconds that kind is expected to take; 0 when nothing is known.
  double expected_s(std::size_t kind) const;
  void record(std::size_t kind, double seconds) { seconds_[kind] = seconds; }

 private:
  std::vector<double> seconds_;
};

}  // namespace galley::profiling
