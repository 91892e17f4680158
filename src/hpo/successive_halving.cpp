#include "successive_halving.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

namespace galley::hpo {
namespace {

struct Bracket {
  std::size_t first_mark = 0;                              // where its trials are judged first
  std::size_t room = 0;                                    // trials that it starts with
  std::size_t mark = 0;                                    // the rung that it waits at
  std::map<TrialNumber, std::optional<double>> members{};  // of that rung, with their loss there
  std::size_t begun = 0;
  std::set<TrialNumber> chosen{};  // may go on, and have not yet been promoted
  std::string why{};

  bool is_done() const { return begun == room && members.empty() && chosen.empty(); }
};

class Brackets final : public EarlyStopping {
 public:
  Brackets(const StoppingSpec& spec, bool cycle)
      : eta_(spec.eta), marks_(rung_marks(spec)), cycle_(cycle) {
    open();
  }

  void begin(TrialNumber trial, const Point&) override {
    if (brackets_.back().begun == brackets_.back().room) open();
    auto& bracket = brackets_.back();
    bracket.members.emplace(trial, std::nullopt);
    ++bracket.begun;
    bracket_of_[trial] = brackets_.size() - 1;
  }

  Ruling report(const Standing& standing) override {
    const auto found = bracket_of_.find(standing.trial);
    if (found == bracket_of_.end()) return {};
    auto& bracket = brackets_[found->second];
    if (bracket.mark + 1 >= marks_.size() || standing.share < marks_[bracket.mark] - 1e-9)
      return {};
    auto& loss = bracket.members[standing.trial];
    if (loss) return {};  // it has been counted here, and waits or was promoted
    loss = std::isnan(standing.loss) ? std::numeric_limits<double>::infinity() : standing.loss;
    const std::string place = fmt::format("bracket {} at {:.1f} % of the budget", found->second + 1,
                                          marks_[bracket.mark] * 100);
    judge(bracket, place);
    if (bracket.chosen.erase(standing.trial) != 0) return {Verdict::proceed, bracket.why};
    if (!bracket.members.contains(standing.trial)) return {Verdict::stop, bracket.why};
    return {Verdict::pause, fmt::format("{} waits for {} more of its trials", place,
                                        std::ranges::count_if(bracket.members, [](const auto& m) {
                                          return !m.second;
                                        }))};
  }

  void finish(TrialNumber trial) override { leave(trial); }
  void fail(TrialNumber trial) override { leave(trial); }

  bool waits(TrialNumber trial) const override {
    const auto found = bracket_of_.find(trial);
    return found != bracket_of_.end() && brackets_[found->second].members.contains(trial);
  }

  std::optional<Promotion> promote(const std::set<TrialNumber>& paused) override {
    // Brackets that began first first, so that trials come to an end.
    for (; first_open_ < brackets_.size() && brackets_[first_open_].is_done(); ++first_open_) {
    }
    for (std::size_t i = first_open_; i < brackets_.size(); ++i) {
      auto& bracket = brackets_[i];
      const auto next = std::ranges::find_if(
          bracket.chosen, [&](TrialNumber trial) { return paused.contains(trial); });
      if (next == bracket.chosen.end()) continue;
      const TrialNumber trial = *next;
      bracket.chosen.erase(next);
      return Promotion{trial, bracket.why};
    }
    return std::nullopt;
  }

 private:
  void open() {
    const std::size_t rungs = marks_.size() - 1;
    const std::size_t first = cycle_ ? brackets_.size() % (rungs + 1) : 0;
    const double steps = static_cast<double>(rungs - first);
    // As many as make every bracket cost the same: (rungs + 1) / (steps + 1) * eta^steps.
    const double room =
        std::ceil(static_cast<double>(rungs + 1) / (steps + 1) * std::pow(eta_, steps) - 1e-9);
    brackets_.push_back({first, static_cast<std::size_t>(room), first});
  }

  /// Once all of the rung have reported, keeps the best and moves up.
  void judge(Bracket& bracket, const std::string& place) {
    if (bracket.begun < bracket.room || bracket.members.empty()) return;
    if (!std::ranges::all_of(bracket.members, [](const auto& m) { return m.second.has_value(); }))
      return;
    std::vector<Ladder::Entry> entries;
    for (const auto& [trial, loss] : bracket.members) entries.push_back({*loss, trial});
    std::ranges::sort(entries);
    const auto keep = std::max<std::size_t>(
        1, static_cast<std::size_t>(static_cast<double>(entries.size()) / eta_ + 1e-9));
    bracket.members.clear();
    for (std::size_t i = 0; i < std::min(keep, entries.size()); ++i) {
      bracket.members.emplace(entries[i].trial, std::nullopt);
      bracket.chosen.insert(entries[i].trial);
    }
    bracket.why =
        fmt::format("{} kept the best {} of {}", place, bracket.members.size(), entries.size());
    ++bracket.mark;
  }

  /// A trial that is gone is waited for no more.
  void leave(TrialNumber trial) {
    const auto found = bracket_of_.find(trial);
    if (found == bracket_of_.end()) return;
    auto& bracket = brackets_[found->second];
    bracket.members.erase(trial);
    bracket.chosen.erase(trial);
    const auto number = found->second + 1;
    bracket_of_.erase(found);
    if (bracket.mark + 1 < marks_.size())
      judge(bracket, fmt::format("bracket {} at {:.1f} % of the budget", number,
                                 marks_[bracket.mark] * 100));
  }

  double eta_;
  std::vector<double> marks_;
  bool cycle_;
  std::vector<Bracket> brackets_;
  std::size_t first_open_ = 0;
  std::map<TrialNumber, std::size_t> bracket_of_;
};

}  // namespace

std::unique_ptr<EarlyStopping> make_brackets(const StoppingSpec& spec, bool cycle) {
  return std::make_unique<Brackets>(spec, cycle);
}

}  // namespace galley::hpo
