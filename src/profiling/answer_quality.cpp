#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "answer_build.h"
#include "answer_figures.h"
#include "answer_sets.h"
#include "answer_statistics.h"
#include "plot/axis.h"

namespace galley::profiling {
namespace {

// Up to this share of answers may differ where not one was seen to, and still be called none.
constexpr double kHardlyAny = 0.05;
// A change of perplexity below this is smaller than what the choice of a test text does.
constexpr double kPerplexityShare = 0.01;
constexpr double kBetterByShare = 0.01;    // one answer in a hundred
constexpr const char* kAgain = "1 again";  // the control: nothing was changed
constexpr double kManyTokens = 1e6;        // degrees of freedom: a text has thousands of tokens

struct Kind {
  std::string what, noun;
};

const Kind kKinds[] = {
    {"batch", "by batch size"}, {"kernel", "by instruction set"}, {"format", "by format"}};

struct QualityChange {
  std::string setting;
  double nats = 0;              // more than the reference's, a token
  std::optional<double> error;  // its standard error
};

struct DifferenceRows {
  std::size_t different = 0, outputs = 0;
  std::size_t control_different = 0, control_outputs = 0;
  std::string counts;  // "8: 0 of 16, 32: 1 of 16"
  std::vector<QualityChange> quality;
};

DifferenceRows difference_rows(const Figures& figures, std::string_view what) {
  DifferenceRows rows;
  for (std::size_t row = 0; row < figures.rows(); ++row) {
    if (figures.text(row, "what") != what) continue;
    const std::string setting = figures.text(row, "setting");
    const auto outputs = figures.number(row, "outputs"),
               different = figures.number(row, "different");
    if (outputs && different && *outputs >= *different && *different >= 0) {
      const auto all = static_cast<std::size_t>(*outputs);
      const auto changed = static_cast<std::size_t>(*different);
      (setting == kAgain ? rows.control_outputs : rows.outputs) += all;
      (setting == kAgain ? rows.control_different : rows.different) += changed;
      rows.counts +=
          fmt::format("{}{}: {} of {}", rows.counts.empty() ? "" : ", ", setting, changed, all);
    }
    const auto nats = figures.number(row, "nats_per_token"),
               reference = figures.number(row, "reference_nats_per_token"),
               error = figures.number(row, "nats_error");
    if (!nats || !reference || setting == kAgain) continue;
    rows.quality.push_back({setting, *nats - *reference,
                            // Equal to the last bit: there is nothing to be uncertain about.
                            error                 ? error
                            : *nats == *reference ? std::optional(0.0)
                                                  : error});
  }
  return rows;
}

void answer_outputs(const Experiment& experiment, const Kind& kind, const DifferenceRows& rows,
                    Answers& out) {
  Question question{.experiment = experiment.id,
                    .id = kind.what,
                    .question = fmt::format("Do outputs differ {}?", kind.noun),
                    .measure = "the share of outputs that differ",
                    .unit = Unit::share,
                    .rule = {.bound = kHardlyAny},
                    .if_yes = fmt::format("outputs differ {}", kind.noun),
                    .if_no = fmt::format("no output differs {}", kind.noun),
                    .rule_words = fmt::format("yes where any differs, no where none does and at "
                                              "most {} could",
                                              in_unit(kHardlyAny, Unit::share))};
  const std::string facts =
      rows.counts.empty() ? "" : fmt::format("Different outputs – {}.", rows.counts);
  const auto share = share_interval(rows.different, rows.outputs);
  if (!share) {
    out.push_back(unanswered(question, "no outputs were compared"));
  } else if (rows.different > 0 && rows.control_different > 0) {
    out.push_back(
        unanswered(question,
                   "the same requests, one at a time again, differ too, so that a difference need "
                   "not come from what was changed",
                   facts));
  } else if (rows.different > 0) {
    // One difference proves that they differ, however rare it is.
    question.rule.bound = 0;
    out.push_back(answered(question, *share, facts));
  } else {
    out.push_back(answered(question, *share, facts));
  }
}

/// How far from none a change reaches, up or down.
Interval size_of(const Interval& change) {
  const double low = std::abs(change.low), high = std::abs(change.high);
  const bool spans_none = change.low <= 0 && change.high >= 0;
  return {std::abs(change.value), spans_none ? 0 : std::min(low, high), std::max(low, high)};
}

void answer_quality_change(const Experiment& experiment, const Kind& kind,
                           const DifferenceRows& rows, Answers& out) {
  if (rows.quality.empty()) return;
  const Question question{
      .experiment = experiment.id,
      .id = kind.what + "-quality",
      .question = fmt::format("Does quality differ {}?", kind.noun),
      .measure = "the largest change of perplexity, up or down,",
      .unit = Unit::share,
      .rule = {.bound = kPerplexityShare},
      .if_yes = fmt::format("quality differs {}", kind.noun),
      .if_no = fmt::format("quality does not differ {} by anything worth naming", kind.noun)};
  // Several settings are several chances to be wrong, which share the confidence.
  const double quantile = student_quantile(
      1 - (1 - kConfidence) / static_cast<double>(rows.quality.size()), kManyTokens);
  std::string facts;
  bool unknown = false;
  std::optional<Interval> apart, farthest;
  for (const QualityChange& change : rows.quality) {
    if (!change.error) {
      unknown = true;
      continue;
    }
    const double half = quantile * *change.error;
    const Interval relative{std::expm1(change.nats), std::expm1(change.nats - half),
                            std::expm1(change.nats + half)};
    facts += fmt::format("{}{} {}", facts.empty() ? "Perplexity – " : ", ", change.setting,
                         in_unit(relative, Unit::more_share));
    const Interval size = size_of(relative);
    if (judge(size, question.rule) == Verdict::yes && (!apart || size.value > apart->value))
      apart = size;
    if (!farthest || size.high > farthest->high) farthest = size;
  }
  if (!facts.empty()) facts += ".";
  if (!apart && unknown)
    out.push_back(unanswered(question, "a difference's standard error was not measured", facts));
  else
    out.push_back(answered(question, apart ? *apart : *farthest, facts));
}

struct Contestant {
  std::string name;
  std::map<std::string, bool> correct;  // by question
  double peak_bytes = 0, latency_ms = 0;
};

std::vector<Contestant> contestants_of(const Figures& figures) {
  std::vector<Contestant> all;
  for (const std::string& name : figures.distinct("model")) {
    Contestant one{.name = name, .correct = {}};
    double latency_sum = 0, latencies = 0;
    for (std::size_t row = 0; row < figures.rows(); ++row) {
      if (figures.text(row, "model") != name) continue;
      if (const auto correct = figures.number(row, "correct"))
        one.correct[figures.text(row, "question")] = *correct > 0.5;
      one.peak_bytes = std::max(one.peak_bytes, figures.number(row, "peak_bytes").value_or(0));
      if (const auto latency = figures.number(row, "latency_ms")) {
        latency_sum += *latency;
        ++latencies;
      }
    }
    one.latency_ms = latencies > 0 ? latency_sum / latencies : 0;
    all.push_back(std::move(one));
  }
  // The larger is the one that takes more memory; where nothing tells, the one named later.
  std::ranges::stable_sort(all, {}, &Contestant::peak_bytes);
  return all;
}

void answer_pair(const Experiment& experiment, const Contestant& small, const Contestant& large,
                 Answers& out) {
  std::vector<double> gains;  // 1, 0 or −1 for each question
  std::size_t only_small = 0, only_large = 0, right_small = 0, right_large = 0;
  for (const auto& [question, right] : large.correct) {
    const auto other = small.correct.find(question);
    if (other == small.correct.end()) continue;
    gains.push_back(static_cast<double>(right) - static_cast<double>(other->second));
    only_large += right && !other->second;
    only_small += !right && other->second;
    right_large += right;
    right_small += other->second;
  }
  const bool sized = large.peak_bytes > small.peak_bytes;
  const double count = static_cast<double>(gains.size());
  const Question question{
      .experiment = experiment.id,
      .id = fmt::format("{}-over-{}", large.name, small.name),
      .question =
          sized ? fmt::format("Is the bigger model, {}, better than {}?", large.name, small.name)
                : fmt::format("Is {} better than {}?", large.name, small.name),
      .measure = "its share of right answers less the other's",
      .unit = Unit::more_share,
      .rule = {.bound = kBetterByShare},
      .if_yes = fmt::format("{} is better than {}", large.name, small.name),
      .if_no =
          fmt::format("{} is not better than {} by anything worth naming", large.name, small.name)};
  constexpr std::size_t kFewest = 20;
  if (gains.size() < kFewest) {
    out.push_back(unanswered(question, fmt::format("both answered only {} questions, and {} is the "
                                                   "fewest that could tell",
                                                   gains.size(), kFewest)));
    return;
  }
  std::string facts = fmt::format(
      "Of {} questions {} has {} right and {} {}; {} only the one and {} only the other (McNemar's "
      "test: p = {}).",
      gains.size(), large.name, right_large, small.name, right_small, only_large, only_small,
      plot::short_number(mcnemar(only_small, only_large)));
  if (sized && small.peak_bytes > 0)
    facts += fmt::format(" It takes {} the memory.",
                         in_unit(large.peak_bytes / small.peak_bytes, Unit::ratio));
  if (large.latency_ms > 0 && small.latency_ms > 0)
    facts += fmt::format(" Its answers take {} the time.",
                         in_unit(large.latency_ms / small.latency_ms, Unit::ratio));
  // The interval of the paired difference, opened up to 0 where the exact test is not convinced.
  const auto share = mean_interval(gains);
  Interval gain = share.value_or(Interval{});
  if (mcnemar(only_small, only_large) > 1 - kConfidence) {
    // None of n differing pairs still leaves room for three in n.
    const double room = 3 / count;
    gain.low = std::min(gain.low, -room);
    gain.high = std::max(gain.high, room);
  }
  out.push_back(answered(question, gain, std::move(facts)));
}

}  // namespace

void answer_differences(const Experiment& experiment, Answers& out) {
  const Figures figures(experiment);
  for (const Kind& kind : kKinds) {
    const DifferenceRows rows = difference_rows(figures, kind.what);
    if (rows.outputs == 0 && rows.quality.empty()) continue;
    answer_outputs(experiment, kind, rows, out);
    answer_quality_change(experiment, kind, rows, out);
  }
}

void answer_quality(const Experiment& experiment, Answers& out) {
  const auto all = contestants_of(Figures(experiment));
  for (std::size_t i = 1; i < all.size(); ++i) answer_pair(experiment, all[i - 1], all[i], out);
}

}  // namespace galley::profiling
