#include "plain_samplers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <numeric>
#include <optional>

#include "sobol.h"

namespace galley::hpo {
namespace {

class RandomSampler : public Sampler {
 public:
  RandomSampler(const Space& space, const SamplerOptions& options)
      : space_(space), seed_(options.seed) {}

  Point ask(TrialNumber trial) override {
    Rng rng(seed_, static_cast<std::uint64_t>(trial));
    return space_.draw(rng);
  }
  void adopt(TrialNumber, const Point&) override {}
  void observe(const Observation&) override {}
  void forget(TrialNumber) override {}

 private:
  Space space_;
  std::uint64_t seed_;
};

class SobolSampler : public Sampler {
 public:
  SobolSampler(const Space& space, const SamplerOptions& options)
      : space_(space), seed_(options.seed), sobol_(space.size(), options.seed) {}

  Point ask(TrialNumber trial) override {
    Rng rng(seed_, static_cast<std::uint64_t>(trial));
    return spread_point(space_, sobol_, next_++, rng);
  }
  void adopt(TrialNumber, const Point&) override { ++next_; }
  void observe(const Observation&) override {}
  void forget(TrialNumber) override {}

 private:
  Space space_;
  std::uint64_t seed_;
  Sobol sobol_;
  std::uint64_t next_ = 0;
};

class GridSampler : public Sampler {
 public:
  GridSampler(const Space& space, const SamplerOptions& options)
      : space_(space), count_(space.point_count()) {
    Rng rng(options.seed, 0x6121D);
    start_ = rng.below(count_);
    // About the golden section of the count, so that consecutive points are far apart; prime to the
    // count, so that every point comes.
    stride_ = std::max<std::uint64_t>(
        1, static_cast<std::uint64_t>(0.6180339887 * static_cast<double>(count_)));
    while (std::gcd(stride_, count_) != 1) ++stride_;
  }

  Point ask(TrialNumber trial) override {
    Point point = next();
    running_[trial] = point;
    return point;
  }
  void adopt(TrialNumber trial, const Point& point) override {
    next();
    running_[trial] = point;
  }
  void observe(const Observation& observation) override { running_.erase(observation.trial); }
  void forget(TrialNumber trial) override {
    const auto found = running_.find(trial);
    if (found == running_.end()) return;
    again_.push_back(std::move(found->second));
    running_.erase(found);
  }

  bool has_more() const override {
    if (!again_.empty()) return true;
    while (cursor_ < count_ && !point_at(cursor_)) ++cursor_;
    return cursor_ < count_;
  }

 private:
  Point next() {
    if (!again_.empty()) {
      Point point = std::move(again_.front());
      again_.pop_front();
      return point;
    }
    // Whoever asks for more than there is gets the points once more.
    for (;;)
      if (auto point = point_at(cursor_++)) return *std::move(point);
  }

  /// Absent for those that rules exclude, and where conditions make several equal all but the
  /// first.
  std::optional<Point> point_at(std::uint64_t cursor) const {
    std::uint64_t index =
        (start_ + static_cast<std::uint64_t>(static_cast<__uint128_t>(cursor) * stride_ % count_)) %
        count_;
    Point point(space_.size());
    bool is_first = true;
    for (const std::size_t i : space_.order()) {
      const std::uint64_t levels = space_.parameter(i).level_count();
      const std::uint64_t level = index % levels;
      index /= levels;
      const Parameter& p = space_.parameter(i);
      point[i] = p.low + static_cast<double>(level) * p.step;
      if (space_.is_active(point, i)) continue;
      point[i] = std::nan("");
      is_first = is_first && level == 0;
    }
    if (!is_first || !space_.contains(point)) return std::nullopt;
    return point;
  }

  Space space_;
  std::uint64_t count_;
  std::uint64_t start_ = 0;
  std::uint64_t stride_ = 1;
  mutable std::uint64_t cursor_ = 0;
  std::map<TrialNumber, Point> running_;
  std::deque<Point> again_;
};

}  // namespace

std::unique_ptr<Sampler> make_random_sampler(const Space& space, const SamplerOptions& options) {
  return std::make_unique<RandomSampler>(space, options);
}

std::unique_ptr<Sampler> make_sobol_sampler(const Space& space, const SamplerOptions& options) {
  return std::make_unique<SobolSampler>(space, options);
}

Result<std::unique_ptr<Sampler>> make_grid_sampler(const Space& space,
                                                   const SamplerOptions& options) {
  for (const Parameter& p : space.parameters())
    if (p.level_count() == 0)
      return Error{
          Errc::unsupported,
          fmt::format("a grid needs values that can be counted, and '{}' has a continuum", p.name),
          "h_params." + p.name, "a step, or a list of values"};
  if (space.point_count() == 0)
    return Error{Errc::unsupported, "a grid of 2^53 or more points never ends", "h_params",
                 "fewer values or larger steps"};
  return std::unique_ptr<Sampler>(std::make_unique<GridSampler>(space, options));
}

}  // namespace galley::hpo
