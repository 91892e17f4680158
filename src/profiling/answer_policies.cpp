#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "answer_build.h"
#include "answer_figures.h"
#include "answer_sets.h"
#include "answer_statistics.h"
#include "plot/axis.h"

namespace galley::profiling {
namespace {

constexpr double kWasteWorthNaming = 0.1;
constexpr double kWorthChanging = 1.05;
constexpr double kAsGoodAs = 0.95;
constexpr const char* kOnce = "a policy was not measured at least twice at one batch size";

/// What one policy did at one batch size, by repetition.
struct Policy {
  Repetitions tokens_per_s;
  std::vector<double> wasted_shares;
};

/// The largest batch that every policy ran and that the requests filled several times: where all
/// of them stand in one batch, the policies are the same.
double telling_batch(const Figures& figures) {
  constexpr double kFills = 4;
  struct Size {
    std::set<std::string> policies;
    double fills = 0;
  };
  std::map<double, Size> sizes;
  for (std::size_t row = 0; row < figures.rows(); ++row) {
    const auto batch = figures.number(row, "batch");
    if (!batch || *batch < 1 || !figures.number(row, "tokens_per_s")) continue;
    Size& size = sizes[*batch];
    size.policies.insert(figures.text(row, "policy"));
    size.fills = std::max(size.fills, figures.number(row, "requests").value_or(0) / *batch);
  }
  std::pair<std::size_t, double> best{0, -1};
  double chosen = 0;
  for (const auto& [batch, size] : sizes) {
    const std::pair rank{size.policies.size(), std::min(size.fills, kFills)};
    if (rank < best) continue;
    best = rank;
    chosen = batch;
  }
  return chosen;
}

Policy policy_at(const Figures& figures, std::string_view name, double batch) {
  Policy policy;
  for (std::size_t row = 0; row < figures.rows(); ++row) {
    if (figures.text(row, "policy") != name || figures.number(row, "batch") != batch) continue;
    const auto speed = figures.number(row, "tokens_per_s");
    if (speed && *speed > 0)
      policy.tokens_per_s[figures.number(row, "repetition")
                              .value_or(static_cast<double>(policy.tokens_per_s.size()))] = *speed;
    const auto wasted = figures.number(row, "wasted_tokens"),
               output = figures.number(row, "output_tokens");
    if (wasted && output && *wasted + *output > 0)
      policy.wasted_shares.push_back(*wasted / (*wasted + *output));
  }
  return policy;
}

std::string speed_facts(std::string_view a, const Policy& first, std::string_view b,
                        const Policy& second, double batch) {
  if (first.tokens_per_s.empty() || second.tokens_per_s.empty()) return {};
  return fmt::format("At batch {}: {} {} tokens/s, {} {} tokens/s.", plot::short_number(batch), a,
                     plot::short_number(typical(first.tokens_per_s)), b,
                     plot::short_number(typical(second.tokens_per_s)));
}

}  // namespace

void answer_batching(const Experiment& experiment, Answers& out) {
  const Figures figures(experiment);
  const double batch = telling_batch(figures);
  const Policy plain = policy_at(figures, "static", batch);
  const Policy sorted = policy_at(figures, "length_sorted", batch);
  const Policy continuous = policy_at(figures, "continuous", batch);

  std::string waste_facts;
  for (const auto& [name, policy] : std::array<std::pair<std::string_view, const Policy*>, 3>{
           {{"static", &plain}, {"length-sorted", &sorted}, {"continuous", &continuous}}})
    if (const auto share = mean_interval(policy->wasted_shares))
      waste_facts += fmt::format(
          "{}{}: {}",
          waste_facts.empty() ? "Wasted at batch " + plot::short_number(batch) + " – " : ", ", name,
          in_unit(share->value, Unit::share));
  if (!waste_facts.empty()) waste_facts += ".";
  out.push_back(answered_if(
      {.experiment = experiment.id,
       .id = "pace-of-longest",
       .question = "Do static batches of unequal lengths run at the pace of the longest?",
       .measure = "the share of tokens computed past a row's own end",
       .unit = Unit::share,
       .rule = {.bound = kWasteWorthNaming},
       .if_yes = "rows that have ended wait for the longest of their batch",
       .if_no = "hardly any row waits for the longest of its batch"},
      mean_interval(plain.wasted_shares), kOnce, waste_facts));
  out.push_back(
      answered_if({.experiment = experiment.id,
                   .id = "sorting",
                   .question = "Does sorting by length make static batches faster?",
                   .measure = "tokens a second, sorted over static,",
                   .unit = Unit::ratio,
                   .rule = {.bound = kWorthChanging},
                   .if_yes = "sorting by length makes static batches faster",
                   .if_no = "sorting by length makes static batches no faster worth naming"},
                  geometric_interval(paired_ratios(sorted.tokens_per_s, plain.tokens_per_s)), kOnce,
                  speed_facts("length-sorted", sorted, "static", plain, batch)));
  out.push_back(
      answered_if({.experiment = experiment.id,
                   .id = "continuous",
                   .question = "Is continuous batching faster than static batches?",
                   .measure = "tokens a second, continuous over static,",
                   .unit = Unit::ratio,
                   .rule = {.bound = kWorthChanging},
                   .if_yes = "continuous batching is faster than static batches",
                   .if_no = "continuous batching is no faster worth naming than static batches"},
                  geometric_interval(paired_ratios(continuous.tokens_per_s, plain.tokens_per_s)),
                  kOnce, speed_facts("continuous", continuous, "static", plain, batch)));
  out.push_back(
      answered_if({.experiment = experiment.id,
                   .id = "continuous-over-sorted",
                   .question = "Does continuous batching make sorting by length unnecessary?",
                   .measure = "tokens a second, continuous over sorted,",
                   .unit = Unit::ratio,
                   .rule = {.bound = kAsGoodAs},
                   .if_yes = "continuous batching is as fast as sorted batches, or faster",
                   .if_no = "sorted batches are faster than continuous batching"},
                  geometric_interval(paired_ratios(continuous.tokens_per_s, sorted.tokens_per_s)),
                  kOnce, speed_facts("continuous", continuous, "length-sorted", sorted, batch)));
}

void answer_capacity(const Experiment& experiment, Answers& out) {
  const Figures figures(experiment);
  const Question question{.experiment = experiment.id,
                          .id = "more-users",
                          .question = "Do more users at once get more tokens a second in all?",
                          .measure = "tokens a second, with the most users over with the fewest,",
                          .unit = Unit::ratio,
                          .rule = {.bound = 1.1},
                          .if_yes = "more users at once get more tokens a second in all",
                          .if_no = "more users at once get no more tokens a second in all"};
  const auto columns = complete_columns(figures, {"users", "tokens_per_s"});
  if (columns[0].empty()) {
    out.push_back(unanswered(question, "no number of users was measured"));
    return;
  }
  const auto [few, many] = std::ranges::minmax(columns[0]);
  if (few == many) {
    out.push_back(unanswered(question, "only one number of users was measured"));
    return;
  }
  const auto of = [&figures](double users, std::string_view column) {
    return by_repetition(figures, "users", fmt::format("{:g}", users), column);
  };
  out.push_back(answered_if(
      question,
      geometric_interval(paired_ratios(of(many, "tokens_per_s"), of(few, "tokens_per_s"))),
      "the fewest or the most users were not measured twice",
      fmt::format("{} users: {} tokens/s, the slowest of a hundred requests takes {}; {}: {} "
                  "tokens/s, {}.",
                  plot::short_number(few), plot::short_number(typical(of(few, "tokens_per_s"))),
                  in_unit(typical(of(few, "p99_latency_ms")), Unit::ms), plot::short_number(many),
                  plot::short_number(typical(of(many, "tokens_per_s"))),
                  in_unit(typical(of(many, "p99_latency_ms")), Unit::ms))));
}

}  // namespace galley::profiling
