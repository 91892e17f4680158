#include "tpe.h"

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "history.h"
#include "random_turns.h"

namespace galley::hpo {
namespace {

constexpr std::size_t kMostBest = 25;
constexpr double kBestShare = 0.1;
/// Of the other trials, the density is made of this many: the newest half, and others spread evenly
/// over all before.
constexpr std::size_t kWindow = 200;
constexpr std::size_t kDraws = 24;
constexpr float kNarrowest = 0.01F;  // bandwidths, in the unit cube
constexpr float kWidest = 0.3F;

/// The normal distribution function by a table, within 1e-6.
class NormalTable {
 public:
  NormalTable() {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const double z = -kEnd + static_cast<double>(i) / kPerUnit;
      values_[i] = static_cast<float>(0.5 * std::erfc(-z / std::numbers::sqrt2));
    }
  }
  float operator()(float z) const {
    const float at = std::clamp((z + kEnd) * kPerUnit, 0.0F, static_cast<float>(kSize - 2));
    const auto index = static_cast<std::size_t>(at);
    const float part = std::min(at - static_cast<float>(index), 1.0F);
    return values_[index] + part * (values_[index + 1] - values_[index]);
  }

 private:
  static constexpr float kEnd = 5;
  static constexpr float kPerUnit = 100;
  static constexpr std::size_t kSize = 1002;
  std::array<float, kSize> values_;
};

/// Kernels, a row each, by axis: centre, weight of the squared distance (of a category: log of a
/// miss), and log of what a hit or the centre itself gives.
struct Density {
  Eigen::Index count = 0;
  Eigen::ArrayXXf centre;
  Eigen::ArrayXXf fall;
  Eigen::ArrayXXf peak;
  std::vector<float> width;                                                // by axis
  std::vector<std::vector<std::pair<float, Eigen::ArrayXf>>> of_category;  // by axis: seen values

  void resize(std::size_t dims, std::size_t kernels) {
    count = static_cast<Eigen::Index>(kernels);
    const auto columns = static_cast<Eigen::Index>(dims);
    centre.resize(count, columns);
    fall.resize(count, columns);
    peak.resize(count, columns);
    width.resize(dims);
    of_category.resize(dims);
    for (auto& seen : of_category) seen.clear();
  }

  /// What each kernel gives this category.
  const Eigen::ArrayXf& terms(std::size_t axis, float category) {
    for (const auto& [value, terms] : of_category[axis])
      if (value == category) return terms;
    const auto column = static_cast<Eigen::Index>(axis);
    Eigen::ArrayXf terms = fall.col(column);
    for (Eigen::Index k = 0; k < count; ++k)
      if (centre(k, column) == category) terms[k] = peak(k, column);
    return of_category[axis].emplace_back(category, std::move(terms)).second;
  }
};

class TpeSampler : public Sampler {
 public:
  TpeSampler(const Space& space, const SamplerOptions& options)
      : space_(space),
        options_(options),
        history_(space.size()),
        turns_(options.startup_trials > 0 ? options.startup_trials : 10, options.random_ratio) {
    for (const Parameter& p : space_.parameters()) {
      is_category_.push_back(p.kind == ParameterKind::categorical);
      levels_.push_back(static_cast<float>(p.level_count()));
    }
    is_finite_ = space_.point_count() > 0;
  }

  Point ask(TrialNumber trial) override {
    Rng rng(options_.seed, static_cast<std::uint64_t>(trial));
    const Point point =
        turns_.is_random() || history_.ranking().empty() ? space_.draw(rng) : propose(rng);
    adopt(trial, point);
    return point;
  }
  void adopt(TrialNumber trial, const Point& point) override {
    turns_.take();
    note_row(history_.start(trial, point), point);
  }
  void observe(const Observation& observation) override {
    if (observation.trial < 0) turns_.learn();
    note_row(history_.observe(observation), observation.point);
  }
  void forget(TrialNumber trial) override { history_.forget(trial); }

 private:
  /// The row's place in the unit cube, where the kernels are made from.
  void note_row(std::size_t row, const Point& point) {
    if (units_.size() > row * space_.size()) return;
    for (std::size_t i = 0; i < point.size(); ++i)
      units_.push_back(static_cast<float>(
          is_category_[i] || std::isnan(point[i]) ? point[i] : space_.to_unit(i, point[i])));
  }

  void choose_rows() {
    const auto& ranking = history_.ranking();
    const auto wanted =
        static_cast<std::size_t>(std::ceil(kBestShare * static_cast<double>(ranking.size())));
    const std::size_t best = std::clamp<std::size_t>(wanted, 1, kMostBest);
    best_.assign(ranking.begin(), ranking.begin() + static_cast<std::ptrdiff_t>(best));
    others_.clear();
    is_best_.resize(history_.size());
    for (const auto row : best_) is_best_[row] = 1;
    const auto consider = [&](std::size_t row) {
      if (is_best_[row] == 0 && history_.state(row) != History::State::forgotten)
        others_.push_back(static_cast<std::uint32_t>(row));
    };
    const std::size_t rows = history_.size();
    const std::size_t newest = std::min(rows, kWindow / 2 + best);
    for (std::size_t i = 0; i < newest; ++i) consider(rows - 1 - i);
    const std::size_t older = rows - newest;
    const std::size_t spread = std::min(older, kWindow / 2);
    for (std::size_t i = 0; i < spread; ++i) consider(i * older / spread);
    for (const auto row : best_) is_best_[row] = 0;
  }

  /// Scott's rule on the spread of the rows along each axis (Scott 1992), within bounds.
  void build(const std::vector<std::uint32_t>& rows, Density& density) {
    const std::size_t dims = space_.size();
    const std::size_t count = rows.size();
    density.resize(dims, count + 1);
    const auto shrink = static_cast<float>(
        std::pow(static_cast<double>(count), -1.0 / (static_cast<double>(dims) + 4)));
    for (std::size_t axis = 0; axis < dims; ++axis) {
      float* const centre = density.centre.col(static_cast<Eigen::Index>(axis)).data();
      float* const fall = density.fall.col(static_cast<Eigen::Index>(axis)).data();
      float* const peak = density.peak.col(static_cast<Eigen::Index>(axis)).data();
      float sum = 0;
      float squares = 0;
      float present = 0;
      for (std::size_t k = 0; k < count; ++k) {
        const float unit = units_[rows[k] * dims + axis];
        centre[k] = unit;
        if (unit != unit) continue;
        sum += unit;
        squares += unit * unit;
        present += 1;
      }
      if (is_category_[axis]) {
        const float miss = std::clamp(shrink, 0.1F, 0.9F);
        const float log_miss = std::log(miss / levels_[axis]);
        const float log_hit = std::log(1 - miss + miss / levels_[axis]);
        for (std::size_t k = 0; k < count; ++k) {
          const bool is_absent = centre[k] != centre[k];
          fall[k] = is_absent ? -std::log(levels_[axis]) : log_miss;
          peak[k] = is_absent ? fall[k] : log_hit;
          if (is_absent) centre[k] = -1;
        }
        // The last kernel is the prior: uniform along every axis.
        centre[count] = -1;
        fall[count] = peak[count] = -std::log(levels_[axis]);
        density.width[axis] = miss;
        continue;
      }
      const float mean = present > 0 ? sum / present : 0.5F;
      const float deviation =
          present > 0 ? std::sqrt(std::max(0.0F, squares / present - mean * mean)) : kWidest;
      // Few points that happen to lie together must not keep the search there (Bergstra's clip).
      const float least = std::max({kNarrowest, 1 / static_cast<float>(count + 1),
                                    levels_[axis] > 0 ? 0.4F / levels_[axis] : 0});
      const float width = std::clamp(1.06F * deviation * shrink, least, std::max(kWidest, least));
      density.width[axis] = width;
      const float inverse = 1 / width;
      const float half_square = 0.5F * inverse * inverse;
      const float log_root = std::log(inverse * 0.39894228F);
      for (std::size_t k = 0; k < count; ++k) {
        if (centre[k] != centre[k]) {
          centre[k] = 0.5F;
          fall[k] = 0;
          peak[k] = 0;
          continue;
        }
        // Of the kernel's mass, the part inside the cube.
        const float inside = normal_((1 - centre[k]) * inverse) - normal_(-centre[k] * inverse);
        fall[k] = half_square;
        const float outside = 1 - inside;
        // Most kernels lie well inside, where the series is exact enough.
        peak[k] =
            log_root + (outside < 0.01F ? outside + 0.5F * outside * outside : -std::log(inside));
      }
      centre[count] = 0.5F;
      fall[count] = 0;
      peak[count] = 0;
    }
  }

  /// log of the mean kernel at a point.
  float log_density(Density& density, const float* unit) {
    sums_ = Eigen::ArrayXf::Zero(density.count);
    for (std::size_t axis = 0; axis < space_.size(); ++axis) {
      const float x = unit[axis];
      if (x != x) continue;
      const auto column = static_cast<Eigen::Index>(axis);
      if (is_category_[axis])
        sums_ += density.terms(axis, x);
      else
        sums_ += density.peak.col(column) -
                 density.fall.col(column) * (density.centre.col(column) - x).square();
    }
    const float top = sums_.maxCoeff();
    return top + std::log((sums_ - top).exp().mean());
  }

  /// A draw from the density of the best: one of its kernels, moved along every axis.
  void draw_from(const Density& density, Rng& rng, Point& point) {
    const std::size_t k = rng.below(best_.size() + 1);
    const bool is_prior = k == best_.size();
    for (const std::size_t axis : space_.order()) {
      if (!space_.is_active(point, axis)) {
        point[axis] = std::nan("");
        continue;
      }
      const std::size_t row = is_prior ? 0 : best_[k];
      const float unit = is_prior ? std::nanf("") : units_[row * space_.size() + axis];
      const bool is_absent = unit != unit;
      if (is_absent ||
          (is_category_[axis] && rng.uniform() < static_cast<double>(density.width[axis]))) {
        point[axis] = space_.draw_value(axis, rng);
      } else if (is_category_[axis]) {
        point[axis] = static_cast<double>(unit);
      } else {
        double moved = 0;
        int tries = 0;
        do {
          moved =
              static_cast<double>(unit) + static_cast<double>(density.width[axis]) * rng.normal();
        } while ((moved < 0 || moved > 1) && ++tries < 8);
        point[axis] = space_.from_unit(axis, moved);
      }
    }
    if (!space_.rules().empty()) space_.repair(point, rng);
  }

  Point propose(Rng& rng) {
    choose_rows();
    build(best_, good_);
    build(others_, bad_);
    Point drawn(space_.size());
    Point best;
    float best_score = 0;
    bool best_is_known = true;
    unit_.resize(space_.size());
    for (std::size_t i = 0; i < kDraws; ++i) {
      draw_from(good_, rng, drawn);
      for (std::size_t axis = 0; axis < drawn.size(); ++axis)
        unit_[axis] = static_cast<float>(is_category_[axis] || std::isnan(drawn[axis])
                                             ? drawn[axis]
                                             : space_.to_unit(axis, drawn[axis]));
      const float score = log_density(good_, unit_.data()) - log_density(bad_, unit_.data());
      // A point that was tried teaches little: it is the last choice.
      const bool is_known = is_finite_ && history_.has_seen(drawn);
      if (!best.empty() &&
          (is_known > best_is_known || (is_known == best_is_known && score <= best_score)))
        continue;
      best = drawn;
      best_score = score;
      best_is_known = is_known;
    }
    return best;
  }

  Space space_;
  SamplerOptions options_;
  History history_;
  RandomTurns turns_;
  NormalTable normal_;
  bool is_finite_ = false;
  std::vector<bool> is_category_;
  std::vector<float> levels_;
  std::vector<float> units_;  // [row][axis]; categories as they are
  // Kept between calls for their memory.
  std::vector<std::uint32_t> best_;
  std::vector<std::uint32_t> others_;
  std::vector<std::uint8_t> is_best_;
  Eigen::ArrayXf sums_;
  std::vector<float> unit_;
  Density good_;
  Density bad_;
};

}  // namespace

std::unique_ptr<Sampler> make_tpe_sampler(const Space& space, const SamplerOptions& options) {
  return std::make_unique<TpeSampler>(space, options);
}

}  // namespace galley::hpo
