#include "estimator/advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>

namespace galley::estimator {
namespace {

constexpr double kTellApart = 0.03;   // costs nearer than this are the same to an estimate
constexpr double kGuessedSpread = 4;  // devices of one year differ by this much and more
constexpr double kLostOfHour = 0.25;  // of an hour that an interruption of a spot machine loses

Error wrong_workload(const char* field, double value, const char* expected) {
  return {.code = Errc::invalid_argument,
          .message = fmt::format("{} of the training is {}", field, value),
          .field = field,
          .expected = expected};
}

Status check_work(const Workload& work, const AdviceLimits& limits, bool all_known) {
  const auto above = [](double value) { return std::isfinite(value) && value > 0; };
  const auto from = [](double value) { return std::isfinite(value) && value >= 0; };
  if (!from(limits.budget_usd)) return wrong_workload("budget", limits.budget_usd, "from 0");
  if (!from(limits.deadline_s)) return wrong_workload("deadline", limits.deadline_s, "from 0");
  if (all_known) return ok();  // runtimes are told, so nothing is computed from these
  if (!above(work.items)) return wrong_workload("items", work.items, "above 0");
  if (!above(work.epochs)) return wrong_workload("epochs", work.epochs, "above 0");
  if (!from(work.global_batch)) return wrong_workload("global_batch", work.global_batch, "from 0");
  if (!above(work.job.batch_per_gpu))
    return wrong_workload("batch_per_gpu", work.job.batch_per_gpu, "above 0");
  if (!from(work.startup_s)) return wrong_workload("startup", work.startup_s, "from 0");
  if (!from(work.overhead_ratio)) return wrong_workload("overhead", work.overhead_ratio, "from 0");
  return ok();
}

JobFeatures job_on(const Workload& work, const Offer& offer) {
  JobFeatures job = work.job;
  job.gpu = offer.gpu;
  job.gpus = offer.gpus;
  job.nodes = offer.nodes;
  job.fullest_node = 0;
  if (work.global_batch > 0) job.batch_per_gpu = work.global_batch / offer.gpus;
  return job;
}

/// Interruptions of spot machines lose work; the time until another one comes is not known.
double spot_stretch(const Offer& offer) {
  return offer.spot ? 1 + offer.interruptions_per_h * kLostOfHour : 1;
}

void add_note(AdviceRow& row, std::string_view note) {
  if (!row.note.empty()) row.note += "; ";
  row.note += note;
}

void note_familiarity(AdviceRow& row, const Offer& offer) {
  if (offer.guessed_gpu) {
    add_note(row, "no data sheet is known for " + offer.gpu.name +
                      ": a typical device is assumed; type its peak, memory and bandwidth in");
    return;
  }
  switch (row.familiarity) {
    case Familiarity::new_gpu:
      add_note(row, "no job ran on " + offer.gpu.name + " yet: from its data sheet");
      break;
    case Familiarity::new_network:
      add_note(row, "no job trained this network yet: from its size");
      break;
    case Familiarity::new_both:
      add_note(row, "neither network nor device was seen: from data sheets only");
      break;
    case Familiarity::seen:
    case Familiarity::near:
      break;
  }
}

void estimate_row(const EstimatorModel& model, const Workload& work, const Offer& offer,
                  AdviceRow& row) {
  const JobFeatures job = job_on(work, offer);
  if (work.global_batch > 0 && work.global_batch < offer.gpus) {
    row.verdict = Verdict::impossible;
    add_note(row, fmt::format("a batch of {:g} cannot be split among {:g} devices",
                              work.global_batch, offer.gpus));
    return;
  }
  const auto estimate = predict(model, job);
  if (!estimate) {
    row.verdict = Verdict::impossible;
    add_note(row, estimate.error().message);
    return;
  }
  row.memory = memory_fit(job);
  if (row.memory == Fit::no) {
    const auto need = memory_need(job);
    row.verdict = Verdict::out_of_memory;
    add_note(row, fmt::format("needs about {:.0f} GB of {:.0f} GB; at most {:g} items a device",
                              need.total_gb, job.gpu.memory_gb, largest_batch(job)));
  } else if (row.memory == Fit::tight) {
    add_note(row, "memory is tight");
  }
  row.step_s = estimate->step_s;
  row.similarity = estimate->similarity;
  row.familiarity = estimate->familiarity;
  row.nearest = estimate->nearest;
  note_familiarity(row, offer);
  const double batch = work.global_batch > 0 ? work.global_batch : job.batch_per_gpu * job.gpus;
  const double steps = std::ceil(work.items / batch) * work.epochs;
  const auto runtime = [&](double step_s) {
    return (work.startup_s + steps * step_s * (1 + work.overhead_ratio)) * spot_stretch(offer);
  };
  const double spread = offer.guessed_gpu ? kGuessedSpread : 1;
  row.runtime_s = {runtime(estimate->step_s_p10 / spread), runtime(estimate->step_s),
                   runtime(estimate->step_s_p90 * spread)};
}

AdviceRow row_of(const EstimatorModel& model, const Workload& work, std::span<const Offer> offers,
                 std::size_t index, const AdviceLimits& limits) {
  const Offer& offer = offers[index];
  AdviceRow row{.offer = index};
  if (offer.known_runtime_s > 0) {
    row.runtime_s = {offer.known_runtime_s, offer.known_runtime_s, offer.known_runtime_s};
    row.similarity = 1;
  } else {
    estimate_row(model, work, offer, row);
  }
  row.cost_usd = cost_usd(offer, row.runtime_s.p50);
  row.cost_usd_p90 = cost_usd(offer, row.runtime_s.p90);
  row.wait_s = offer.wait_s_p50;
  row.finish_s = offer.wait_s_p50 + row.runtime_s.p50;
  row.finish_s_p90 = std::max(offer.wait_s_p90, offer.wait_s_p50) + row.runtime_s.p90;
  if (row.verdict != Verdict::good) return row;
  if (limits.deadline_s > 0 && row.finish_s_p90 > limits.deadline_s)
    row.verdict = Verdict::too_slow;
  else if (limits.budget_usd > 0 && row.cost_usd_p90 > limits.budget_usd)
    row.verdict = Verdict::too_dear;
  return row;
}

void mark_pareto(std::vector<AdviceRow>& rows) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i].verdict != Verdict::out_of_memory && rows[i].verdict != Verdict::impossible)
      order.push_back(i);
  std::ranges::sort(order, {},
                    [&](std::size_t i) { return std::pair(rows[i].finish_s, rows[i].cost_usd); });
  double cheapest = 1e300;
  for (const std::size_t i : order) {
    if (rows[i].cost_usd >= cheapest) continue;
    cheapest = rows[i].cost_usd;
    rows[i].pareto = true;
  }
}

std::string hours(double seconds) {
  return seconds >= 3600 ? fmt::format("{:.1f} h", seconds / 3600)
                         : fmt::format("{:.0f} min", std::max(seconds / 60, 1.0));
}

std::string dollars(double usd) {
  return usd >= 100 ? fmt::format("${:.0f}", usd) : fmt::format("${:.2f}", usd);
}

/// Says why the chosen one beats the others that matter: the soonest and the dearest alternative.
std::string reason_for(const std::vector<AdviceRow>& rows, std::size_t chosen,
                       std::span<const Offer> offers, const AdviceLimits& limits) {
  const AdviceRow& row = rows[chosen];
  std::string reason = fmt::format("{} finishes in {} for {}", offers[row.offer].name,
                                   hours(row.finish_s), dollars(row.cost_usd));
  const AdviceRow* other = nullptr;  // the next best by cost, or the soonest
  bool soonest = true;
  bool cheapest = true;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i == chosen || rows[i].verdict == Verdict::out_of_memory ||
        rows[i].verdict == Verdict::impossible ||
        (offers[rows[i].offer].guessed_gpu && !offers[row.offer].guessed_gpu))
      continue;
    soonest = soonest && rows[i].finish_s >= row.finish_s;
    cheapest = cheapest && rows[i].cost_usd >= row.cost_usd * (1 - kTellApart);
    if (other == nullptr || rows[i].finish_s < other->finish_s) other = &rows[i];
  }
  if (other == nullptr) return reason + ", and nothing else is feasible.";
  const double faster = other->finish_s / row.finish_s;
  const double cheaper = other->cost_usd / std::max(row.cost_usd, 1e-9);
  if (soonest && cheapest)
    reason += fmt::format(
        ": {:.1f} times as fast and {:.1f} times as cheap as {} ({}, {}); although its hour costs "
        "{} against {}, the whole training costs less",
        faster, cheaper, offers[other->offer].name, hours(other->finish_s),
        dollars(other->cost_usd), dollars(offers[row.offer].usd_per_h),
        dollars(offers[other->offer].usd_per_h));
  else if (cheapest)
    reason += fmt::format(", the least; the soonest is {} in {} for {}", offers[other->offer].name,
                          hours(other->finish_s), dollars(other->cost_usd));
  else
    reason += ", the cheapest that keeps the limits";
  if (soonest && cheapest && offers[row.offer].usd_per_h <= offers[other->offer].usd_per_h)
    reason = reason.substr(0, reason.find("; although"));
  if (limits.deadline_s > 0)
    reason += fmt::format("; nine times in ten it ends before {} of the {} allowed",
                          hours(row.finish_s_p90), hours(limits.deadline_s));
  return reason + ".";
}

std::size_t choose_row(const std::vector<AdviceRow>& rows, std::span<const Offer> offers) {
  const AdviceRow* best = nullptr;
  const auto key = [&](const AdviceRow& row) {
    return std::pair(offers[row.offer].guessed_gpu, row.cost_usd);
  };
  for (const AdviceRow& row : rows)
    if (row.verdict == Verdict::good && (best == nullptr || key(row) < key(*best))) best = &row;
  if (best == nullptr) return static_cast<std::size_t>(-1);
  const double limit = best->cost_usd * (1 + kTellApart) + 1e-9;
  const AdviceRow* chosen = best;
  for (const AdviceRow& row : rows)
    if (row.verdict == Verdict::good && row.cost_usd <= limit && row.finish_s < chosen->finish_s &&
        offers[row.offer].guessed_gpu == offers[best->offer].guessed_gpu)
      chosen = &row;
  return static_cast<std::size_t>(chosen - rows.data());
}

std::string no_reason(const std::vector<AdviceRow>& rows) {
  std::map<Verdict, std::size_t> counts;
  for (const AdviceRow& row : rows) ++counts[row.verdict];
  std::string reason = "No configuration is feasible:";
  const char* between = " ";
  for (const auto& [verdict, count] : counts) {
    std::string words(to_string(verdict));
    std::ranges::replace(words, '_', ' ');
    reason += fmt::format("{}{} {}", between, count, words);
    between = ", ";
  }
  return reason + ".";
}

}  // namespace

double cost_usd(const Offer& offer, double seconds) {
  const double hours = seconds / 3600;
  const double taken = offer.owned ? (1 - std::clamp(offer.idle_ratio, 0.0, 1.0)) : 0;
  return hours * (offer.usd_per_h + taken * offer.value_usd_per_h);
}

std::string_view to_string(Verdict verdict) {
  constexpr std::array<std::string_view, 5> kNames{"good", "too_slow", "too_dear", "out_of_memory",
                                                   "impossible"};
  return kNames[static_cast<std::size_t>(verdict)];
}

Result<Advice> advise(const EstimatorModel& model, const Workload& work,
                      std::span<const Offer> offers, const AdviceLimits& limits) {
  const bool all_known =
      std::ranges::all_of(offers, [](const Offer& offer) { return offer.known_runtime_s > 0; });
  GALLEY_TRY_STATUS(check_work(work, limits, all_known));
  Advice advice;
  if (offers.empty()) {
    advice.reason = "There is nothing to choose from.";
    return advice;
  }
  for (std::size_t i = 0; i < offers.size(); ++i)
    advice.rows.push_back(row_of(model, work, offers, i, limits));
  mark_pareto(advice.rows);
  std::ranges::stable_sort(advice.rows, {}, [](const AdviceRow& row) {
    return std::tuple(row.verdict, row.cost_usd, row.finish_s);
  });
  advice.recommended = choose_row(advice.rows, offers);
  advice.reason = advice.recommended < advice.rows.size()
                      ? reason_for(advice.rows, advice.recommended, offers, limits)
                      : no_reason(advice.rows);
  if (work.epochs_predicted)
    advice.reason += " The number of epochs is a guess from past jobs, not a fact.";
  return advice;
}

}  // namespace galley::estimator
