#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "answer_build.h"
#include "answer_figures.h"
#include "answer_sets.h"
#include "answer_statistics.h"
#include "drift.h"
#include "plot/axis.h"

namespace galley::profiling {
namespace {

constexpr double kNoRequest = std::numeric_limits<double>::quiet_NaN();
// A smaller share of the time that hangs on the input is nothing that users could notice.
constexpr double kNoticeableGrowth = 0.03;
constexpr double kNoticeableSampling = 1.05;
constexpr double kShapeTolerance = 0.05;
// Memory grows in pages of some 16 tokens: over fewer than this a slope shows only the steps.
constexpr double kLeastRange = 96;
const std::string kTooFew = fmt::format(
    "fewer than {} requests were measured (a longer study or a smaller --scale has more), or "
    "they are all alike",
    kLeastToResample);

double mean_of(const std::vector<double>& values, std::span<const std::size_t> rows) {
  double sum = 0;
  for (const std::size_t row : rows) sum += values[row];
  return sum / static_cast<double>(rows.size());
}

double largest(const std::vector<double>& values) {
  return values.empty() ? 0 : *std::ranges::max_element(values);
}
double smallest(const std::vector<double>& values) {
  return values.empty() ? 0 : *std::ranges::min_element(values);
}

/// Requests that answered at least one token to at least one.
struct Requests {
  std::vector<double> prompt, output, latency;

  explicit Requests(const Figures& figures) {
    const auto columns =
        complete_columns(figures, {"prompt_tokens", "output_tokens", "latency_ms"});
    for (std::size_t i = 0; i < columns[0].size(); ++i) {
      if (columns[0][i] < 1 || columns[1][i] < 1 || columns[2][i] <= 0) continue;
      prompt.push_back(columns[0][i]);
      output.push_back(columns[1][i]);
      latency.push_back(columns[2][i]);
    }
  }
  std::size_t count() const { return latency.size(); }
  std::string range() const {
    return fmt::format("{} requests of {:.0f} to {:.0f} tokens in and {:.0f} to {:.0f} out.",
                       count(), smallest(prompt), largest(prompt), smallest(output),
                       largest(output));
  }
};

/// By how many per cent time grows for a per cent more input, at the mean: the slope of a plane
/// through (input, output, latency), so that answers of other lengths do not count.
double input_elasticity(const Requests& requests, std::span<const std::size_t> rows) {
  auto fit = least_squares({requests.prompt, requests.output}, requests.latency, rows);
  // Answers of one length leave nothing to hold constant.
  if (!fit) fit = least_squares({requests.prompt}, requests.latency, rows);
  if (!fit) return kNoRequest;
  return (*fit)[1] * mean_of(requests.prompt, rows) / mean_of(requests.latency, rows);
}

void answer_input(const Experiment& experiment, const Requests& requests, Answers& out) {
  const auto elasticity = resampled(requests.count(), [&](std::span<const std::size_t> rows) {
    return input_elasticity(requests, rows);
  });
  const std::string facts = requests.count() > 0 ? requests.range() : "";
  out.push_back(answered_if(
      {.experiment = experiment.id,
       .id = "grows-with-input",
       .question = "Does a longer input take longer?",
       .measure = "the time that input adds, at the mean and for answers of the same length,",
       .unit = Unit::share,
       .rule = {.bound = kNoticeableGrowth},
       .if_yes = "a longer input takes longer",
       .if_no = "a longer input takes no longer worth naming"},
      elasticity, kTooFew, facts));
  out.push_back(answered_if({.experiment = experiment.id,
                             .id = "sub-linear",
                             .question = "Does time grow less than in proportion to the input?",
                             .measure = "the growth of time for 1 % more input, in %,",
                             .rule = {.kind = Rule::Kind::below, .bound = 1},
                             .if_yes = "time grows less than in proportion to the input",
                             .if_no = "time grows at least in proportion to the input"},
                            elasticity, kTooFew, facts));
}

void answer_output(const Experiment& experiment, const Requests& requests, Answers& out) {
  const auto inputs = places_of(requests.prompt), outputs = places_of(requests.output),
             times = places_of(requests.latency);
  const auto difference = resampled(requests.count(), [&](std::span<const std::size_t> rows) {
    return explained_share(outputs, times, rows) - explained_share(inputs, times, rows);
  });
  std::string facts;
  if (difference) {
    std::vector<std::size_t> all(requests.count());
    std::iota(all.begin(), all.end(), 0);
    facts = fmt::format(
        "Generated tokens alone explain {} of the order of times, the input's length alone {}.",
        in_unit(explained_share(outputs, times, all), Unit::share),
        in_unit(explained_share(inputs, times, all), Unit::share));
  }
  out.push_back(answered_if(
      {.experiment = experiment.id,
       .id = "output-decides",
       .question = "Do generated tokens decide the time more than the input's length?",
       .measure = "what generated tokens explain of the order of times, less what the input does,",
       .unit = Unit::share,
       .rule = {.bound = 0},
       .if_yes = "generated tokens explain more of the times than the input's length",
       .if_no = "the input's length explains more of the times than generated tokens"},
      difference, kTooFew, facts));
}

void answer_first_token(const Experiment& experiment, const Figures& figures, Answers& out) {
  const auto columns = complete_columns(figures, {"first_token_ms", "latency_ms", "output_tokens"});
  const auto share = resampled(columns[0].size(), [&](std::span<const std::size_t> rows) {
    return mean_of(columns[0], rows) / mean_of(columns[1], rows);
  });
  std::string facts;
  if (share) {
    std::vector<std::size_t> all(columns[0].size());
    std::iota(all.begin(), all.end(), 0);
    facts = fmt::format(
        "On average the first token comes after {} and the answer of {} tokens is complete "
        "after {}.",
        in_unit(mean_of(columns[0], all), Unit::ms), plot::short_number(mean_of(columns[2], all)),
        in_unit(mean_of(columns[1], all), Unit::ms));
  }
  out.push_back(answered_if({.experiment = experiment.id,
                             .id = "first-token",
                             .question = "Does the first token take most of the time?",
                             .measure = "the first token's share of the time",
                             .unit = Unit::share,
                             .rule = {.bound = 0.5},
                             .if_yes = "most of the time goes by before the first token",
                             .if_no = "most of the time goes by after the first token"},
                            share, kTooFew, facts));
}

void answer_kv_growth(const Profile& profile, const Experiment& experiment, const Figures& figures,
                      Answers& out) {
  const auto columns = complete_columns(figures, {"prompt_tokens", "output_tokens", "kv_bytes"});
  std::vector<double> tokens;
  for (std::size_t i = 0; i < columns[0].size(); ++i)
    tokens.push_back(columns[0][i] + columns[1][i]);
  if (largest(columns[2]) <= 0) return;  // a target does not tell its memory
  const double expected = profile.model.kv_bytes_per_token;
  const auto slope = resampled(tokens.size(), [&](std::span<const std::size_t> rows) {
    const auto fit = least_squares({tokens}, columns[2], rows);
    return fit ? (*fit)[1] : kNoRequest;
  });
  const Question question{
      .experiment = experiment.id,
      .id = "kv-per-token",
      .question = "Does memory grow by what the model's shape says, for each token?",
      .measure = "the measured growth over that of the shape",
      .unit = Unit::ratio,
      .rule = {.kind = Rule::Kind::within,
               .bound = 1 - kShapeTolerance,
               .upper = 1 + kShapeTolerance},
      .if_yes = "keys and values grow by what the model's shape says",
      .if_no = "keys and values do not grow by what the model's shape says"};
  if (!slope || largest(tokens) - smallest(tokens) < kLeastRange) {
    out.push_back(unanswered(question,
                             "the requests are too few or too alike in length, since "
                             "memory is taken in whole pages"));
    return;
  }
  const std::string facts =
      fmt::format("A token takes {} of keys and values.", in_unit(*slope, Unit::bytes));
  if (expected <= 0) {
    out.push_back(unanswered(question, "the model's shape is not known", facts));
    return;
  }
  out.push_back(answered(
      question, {slope->value / expected, slope->low / expected, slope->high / expected}, facts));
}

void answer_weights_share(const Profile& profile, const Experiment& experiment,
                          const Figures& figures, Answers& out) {
  const double weights = static_cast<double>(profile.model.weight_bytes);
  const auto columns = complete_columns(figures, {"kv_bytes"});
  if (weights <= 0 || largest(columns[0]) <= 0) return;
  const double most = largest(columns[0]), least = smallest(columns[0]);
  // Not an estimate: the shares at the request of most and of least memory are the ends.
  const Interval share{weights / (weights + most), weights / (weights + most),
                       weights / (weights + least)};
  out.push_back(
      answered({.experiment = experiment.id,
                .id = "weights-share",
                .question = "Do the weights take most of the memory, one request at a time?",
                .measure = "their share of weights, keys and values",
                .unit = Unit::share,
                .rule = {.bound = 0.5},
                .if_yes = "the weights take most of the memory",
                .if_no = "keys and values take most of the memory"},
               share,
               fmt::format("The weights take {}, the largest request's keys and values {}.",
                           in_unit(weights, Unit::bytes), in_unit(most, Unit::bytes))));
}

/// Milliseconds of each token after the first.
std::vector<double> token_times(const Figures& figures) {
  const auto columns = complete_columns(figures, {"first_token_ms", "latency_ms", "output_tokens"});
  std::vector<double> times;
  for (std::size_t i = 0; i < columns[0].size(); ++i) {
    const double time = (columns[1][i] - columns[0][i]) / (columns[2][i] - 1);
    if (columns[2][i] > 1 && time > 0) times.push_back(time);
  }
  return times;
}

void answer_sampling(const Profile& profile, const Experiment& experiment, Answers& out) {
  const Experiment* greedy = profile.find("wide-greedy");
  if (greedy == nullptr) return;
  const auto sampled_times = token_times(Figures(experiment));
  const auto greedy_times = token_times(Figures(*greedy));
  auto ratio =
      resampled(sampled_times.size(), greedy_times.size(),
                [&](std::span<const std::size_t> sampled, std::span<const std::size_t> plain) {
                  return mean_of(sampled_times, sampled) / mean_of(greedy_times, plain);
                });
  std::string facts;
  if (ratio) {
    // One was measured after the other, and the machine may have changed in between.
    ratio = widened_ratio(*ratio, drift_of(profile, experiment.id), drift_of(profile, greedy->id));
    const auto mean = [](const std::vector<double>& values) {
      return std::accumulate(values.begin(), values.end(), 0.0) /
             static_cast<double>(values.size());
    };
    facts =
        fmt::format("A token takes {} sampled and {} greedy.",
                    in_unit(mean(sampled_times), Unit::ms), in_unit(mean(greedy_times), Unit::ms));
  }
  out.push_back(answered_if({.experiment = experiment.id,
                             .id = "sampling-costs",
                             .question = "Does sampling take longer than greedy decoding?",
                             .measure = "the time a token, sampled over greedy,",
                             .unit = Unit::ratio,
                             .rule = {.bound = kNoticeableSampling},
                             .if_yes = "sampling takes longer than greedy decoding",
                             .if_no = "sampling takes no longer worth naming than greedy decoding"},
                            ratio, kTooFew, facts));
}

}  // namespace

void answer_requests(const Profile& profile, const Experiment& experiment, Answers& out) {
  const Figures figures(experiment);
  const Requests requests(figures);
  if (experiment.id == "narrow") {
    answer_first_token(experiment, figures, out);
  } else {
    answer_input(experiment, requests, out);
    answer_output(experiment, requests, out);
  }
  if (experiment.id == "wide-sampled") {
    answer_sampling(profile, experiment, out);
    return;
  }
  if (experiment.id == "wide-greedy") answer_kv_growth(profile, experiment, figures, out);
  answer_weights_share(profile, experiment, figures, out);
}

}  // namespace galley::profiling
