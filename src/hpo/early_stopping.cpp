#include "hpo/early_stopping.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "successive_halving.h"

namespace galley::hpo {
namespace {

double nan_is_worst(double loss) {
  return std::isnan(loss) ? std::numeric_limits<double>::infinity() : loss;
}

class NoStopping final : public EarlyStopping {
 public:
  void begin(TrialNumber, const Point&) override {}
  Ruling report(const Standing&) override { return {}; }
  void finish(TrialNumber) override {}
  void fail(TrialNumber) override {}
};

/// Stops a trial whose best value so far is worse than the median of what the others had on
/// average up to the same share of their budgets. The averages make it slow to judge: a late
/// bloomer has time to show.
class MedianStopping final : public EarlyStopping {
 public:
  explicit MedianStopping(const StoppingSpec& spec) : spec_(spec) {}

  void begin(TrialNumber trial, const Point&) override { histories_[trial]; }

  Ruling report(const Standing& standing) override {
    auto& mine = histories_[standing.trial];
    const double loss = nan_is_worst(standing.loss);
    if (mine.empty())
      mine.push_back({standing.share, loss, loss, 1});
    else {
      const auto& last = mine.back();
      mine.push_back({standing.share, std::min(last.best, loss),
                      last.mean + (loss - last.mean) / static_cast<double>(last.count + 1),
                      last.count + 1});
      if (std::isnan(mine.back().mean)) mine.back().mean = loss;
    }
    if (standing.share < spec_.warm_up || standing.share >= 1) return {};
    std::vector<double> others;
    for (const auto& [trial, history] : histories_)
      if (trial != standing.trial)
        if (const auto mean = mean_at(history, standing.share)) others.push_back(*mean);
    if (static_cast<std::int64_t>(others.size()) < spec_.least) return {};
    const auto middle = others.begin() + static_cast<std::ptrdiff_t>(others.size() / 2);
    std::ranges::nth_element(others, middle);
    const double best = mine.back().best;
    const std::string share = fmt::format("{:.0f} % of its budget", standing.share * 100);
    if (best > *middle)
      return {Verdict::stop, fmt::format("at {} its best loss {:.6g} is above {:.6g}, the median "
                                         "of {} trials up to there",
                                         share, best, *middle, others.size())};
    return {Verdict::proceed, fmt::format("at {} its best loss {:.6g} is not above {:.6g}, the "
                                          "median of {} trials up to there",
                                          share, best, *middle, others.size())};
  }

  void finish(TrialNumber) override {}
  void fail(TrialNumber trial) override { histories_.erase(trial); }

 private:
  struct Step {
    double share;
    double best;
    double mean;
    std::int64_t count;
  };
  static std::optional<double> mean_at(const std::vector<Step>& history, double share) {
    if (history.empty() || history.back().share < share) return std::nullopt;
    const auto after = std::ranges::upper_bound(history, share, {}, &Step::share);
    if (after == history.begin()) return std::nullopt;
    return std::prev(after)->mean;
  }

  StoppingSpec spec_;
  std::map<TrialNumber, std::vector<Step>> histories_;
};

/// Asynchronous successive halving. By promotion every trial pauses at a rung and goes on once it
/// is in the rung's top 1/eta; by stopping it goes on at once unless it is not there.
class Asha final : public EarlyStopping {
 public:
  explicit Asha(const StoppingSpec& spec)
      : spec_(spec), ladder_(rung_marks(spec)), waiting_(ladder_.marks().size()) {}

  void begin(TrialNumber, const Point&) override {}

  Ruling report(const Standing& standing) override {
    const auto before = ladder_.last_mark(standing.trial);
    const auto entry = ladder_.last_entry(standing.trial);
    const auto mark = ladder_.place(standing.trial, standing.share, standing.loss);
    if (!mark) return {};
    if (before) waiting_[*before].erase(*entry);  // it may run again for another reason
    if (ladder_.marks()[*mark] >= 1) return {};
    const std::size_t rank = ladder_.rank(*mark, standing.trial);
    const std::string place = place_of(rank, *mark);
    if (rank < (spec_.promote ? room(*mark) : std::max<std::size_t>(room(*mark), 1)))
      return {Verdict::proceed, place + fmt::format(", within the best 1/{:g}", spec_.eta)};
    if (!spec_.promote)
      return {Verdict::stop, place + fmt::format(", not within the best 1/{:g}", spec_.eta)};
    waiting_[*mark].insert(*ladder_.last_entry(standing.trial));
    return {Verdict::pause, place + fmt::format(", waits to be within the best 1/{:g}", spec_.eta)};
  }

  void finish(TrialNumber) override {}
  void fail(TrialNumber trial) override {
    if (const auto mark = ladder_.last_mark(trial))
      waiting_[*mark].erase(*ladder_.last_entry(trial));
    ladder_.fail(trial);
  }

  std::optional<Promotion> promote(const std::set<TrialNumber>& paused) override {
    if (!spec_.promote || paused.empty()) return std::nullopt;
    for (std::size_t mark = ladder_.marks().size() - 1; mark-- > 0;) {
      for (auto at = waiting_[mark].begin(); at != waiting_[mark].end(); ++at) {
        const TrialNumber trial = at->trial;
        const std::size_t rank = ladder_.rank(mark, trial);
        if (rank >= room(mark)) break;
        if (!paused.contains(trial)) continue;
        waiting_[mark].erase(at);
        return Promotion{
            trial, place_of(rank, mark) + fmt::format(", now within the best 1/{:g}", spec_.eta)};
      }
    }
    return std::nullopt;
  }

 private:
  std::size_t room(std::size_t mark) const {
    return static_cast<std::size_t>(static_cast<double>(ladder_.passed(mark).size()) / spec_.eta);
  }
  std::string place_of(std::size_t rank, std::size_t mark) const {
    return fmt::format("number {} of {} at {:.1f} % of its budget", rank + 1,
                       ladder_.passed(mark).size(), ladder_.marks()[mark] * 100);
  }

  StoppingSpec spec_;
  Ladder ladder_;
  std::vector<std::set<Ladder::Entry>> waiting_;  // by last mark: not yet promoted
};

}  // namespace

std::vector<double> rung_marks(const StoppingSpec& spec) {
  std::vector<double> marks = spec.marks;
  if (marks.empty())
    for (int k = spec.rungs; k > 0; --k) marks.push_back(std::pow(spec.eta, -k));
  std::erase_if(marks, [&](double mark) { return mark < spec.warm_up || mark >= 1; });
  marks.push_back(1);
  return marks;
}

std::unique_ptr<EarlyStopping> make_early_stopping(const StoppingSpec& spec) {
  switch (spec.method) {
    case Stopping::none:
      return std::make_unique<NoStopping>();
    case Stopping::median:
      return std::make_unique<MedianStopping>(spec);
    case Stopping::asha:
      return std::make_unique<Asha>(spec);
    case Stopping::successive_halving:
      return make_brackets(spec, false);
    case Stopping::hyperband:
      return make_brackets(spec, true);
  }
  GALLEY_CHECK(false, "every method is listed");
}

}  // namespace galley::hpo
