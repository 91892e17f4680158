#include "hpo/preview.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>

#include "hpo/early_stopping.h"
#include "hpo/simulated_study.h"

namespace galley::hpo {
namespace {

constexpr std::int64_t kMostPlayed = 2000;
constexpr std::int64_t kEndlessPlayed = 100;
constexpr double kMostReports = 50;  // of a trial that reports at every step

/// Trials whose quality is a normal draw that shows with less and less noise.
class PreviewWorld final : public TrialWorld {
 public:
  PreviewWorld(const StudySpec& spec, const Space& space, const PreviewFacts& facts)
      : spec_(spec), seconds_(facts.seconds_per_resource), marks_(rung_marks(spec.stopping)) {
    if (!spec.budget_parameter.empty()) budget_parameter_ = space.find(spec.budget_parameter);
  }

  void start(TrialNumber trial, const Point& point, std::int64_t run_seed,
             const std::string& checkpoint) override {
    Run run{.budget = budget_parameter_ ? point[*budget_parameter_] : spec_.max_resource,
            .seed = run_seed};
    if (!(run.budget > 0)) run.budget = spec_.max_resource;
    if (!checkpoint.empty())
      std::from_chars(checkpoint.data(), checkpoint.data() + checkpoint.size(), run.resource);
    runs_[trial] = run;
  }

  Step next(TrialNumber trial) override {
    Run& run = runs_.at(trial);
    const double to = next_report(run);
    const double seconds = (to - run.resource) * seconds_;
    run.resource = to;
    const double share = to / run.budget;
    Rng rng(static_cast<std::uint64_t>(trial), static_cast<std::uint64_t>(run.seed));
    const double quality = rng.normal() - 0.1 * (1 - share) / share * std::abs(rng.normal());
    Step step{.kind = share >= 1 ? Step::Kind::last_report : Step::Kind::report,
              .seconds = seconds,
              .resource = to};
    for (const auto& measure : spec_.measures)
      step.objectives.push_back(measure.maximise ? quality : -quality);
    return step;
  }

  std::string checkpoint(TrialNumber trial) override {
    return fmt::format("{}", runs_.at(trial).resource);
  }

 private:
  struct Run {
    double budget = 1;
    std::int64_t seed = 0;
    double resource = 0;
  };

  double next_report(const Run& run) const {
    double next = run.budget;
    if (spec_.stopping.method != Stopping::none && spec_.stopping.method != Stopping::median)
      for (const double mark : marks_)
        if (mark * run.budget > run.resource * (1 + 1e-9)) next = std::min(next, mark * run.budget);
    double step = spec_.step > 0 ? spec_.step : 0;
    if (spec_.stopping.method == Stopping::median && step <= 0) step = run.budget / 10;
    step = step > 0 ? std::max(step, run.budget / kMostReports) : step;
    if (step > 0) next = std::min(next, (std::floor(run.resource / step + 1e-9) + 1) * step);
    return next;
  }

  const StudySpec& spec_;
  double seconds_;
  std::vector<double> marks_;
  std::optional<std::size_t> budget_parameter_;
  std::map<TrialNumber, Run> runs_;
};

Result<std::unique_ptr<Sampler>> preview_sampler(const StudySpec& spec, const Space& space) {
  return make_sampler(
      "random", space,
      {.seed = spec.seed, .objectives = std::max<std::size_t>(1, spec.measures.size())});
}

std::vector<Preview::Length> lengths_of(const Study& study) {
  const auto& stopping = study.spec().stopping;
  std::vector<double> marks = rung_marks(stopping);
  if (stopping.method == Stopping::none || stopping.method == Stopping::median) {
    marks.clear();
    for (int tenth = 1; tenth <= 10; ++tenth) marks.push_back(tenth / 10.0);
  }
  std::map<std::size_t, Preview::Length> by_mark;
  for (const Trial& trial : study.trials()) {
    const double share = trial.resource / trial.budget;
    std::size_t mark = 0;
    while (mark + 1 < marks.size() && share >= marks[mark + 1] - 1e-9) ++mark;
    auto& length = by_mark[mark];
    ++length.trials;
    const auto n = static_cast<double>(length.trials);
    length.share += (share - length.share) / n;
    length.mean_resource += (trial.resource - length.mean_resource) / n;
  }
  std::vector<Preview::Length> lengths;
  for (const auto& [mark, length] : by_mark) lengths.push_back(length);
  return lengths;
}

}  // namespace

Result<Preview> preview(StudySpec spec, const Space& space, const PreviewFacts& facts) {
  if (!(facts.seconds_per_resource > 0) || !std::isfinite(facts.seconds_per_resource))
    return Error{
        Errc::invalid_argument,
        fmt::format("a preview with {} s for each {}", facts.seconds_per_resource, spec.resource),
        "seconds_per_resource",
        "a number above 0",
        {}};
  const Termination limits = spec.termination;
  Preview out;
  out.is_endless =
      !limits.max_sessions && !limits.max_gpu_hours && !limits.max_hours && !spec.pbt.enabled;
  const std::int64_t most = out.is_endless ? kEndlessPlayed : kMostPlayed;
  spec.termination.max_sessions = std::min(limits.max_sessions.value_or(most), most);
  spec.termination.target.reset();
  if (spec.sampler != "auto") spec.sampler = "random";
  GALLEY_TRY(Study study, Study::open(spec, space, preview_sampler));
  PreviewWorld world(study.spec(), study.space(), facts);
  SimulatedStudy simulated(study, world, {.startup_s = facts.startup_s});
  simulated.tell({.kind = Event::Kind::capacity, .gpus = facts.gpus});
  if (study.slots() < 1)
    return Error{
        Errc::invalid_argument,
        fmt::format("{} GPUs are too few for a trial with {}", facts.gpus, spec.gpus.per_trial),
        "gpus.per_trial",
        fmt::format("at most {}", facts.gpus),
        {}};
  // A limit of hours is noticed by the next event: the clock is told to stop there.
  const double latest_s =
      limits.max_hours ? *limits.max_hours * 3600 : std::numeric_limits<double>::infinity();
  simulated.run_until(latest_s);
  if (!study.is_over() && std::isfinite(latest_s))
    simulated.tell({.kind = Event::Kind::tick, .at_s = latest_s});

  out.lengths = lengths_of(study);
  out.trials = static_cast<std::int64_t>(study.trials().size());
  out.gpu_hours = study.gpu_seconds() / 3600;
  out.finish_s = study.now_s();
  out.ends_by = study.why_over();
  if (out.is_endless || limits.max_sessions.value_or(most + 1) <= most || out.trials < most)
    return out;
  double factor = std::numeric_limits<double>::infinity();
  if (limits.max_sessions)
    factor = static_cast<double>(*limits.max_sessions) / static_cast<double>(most);
  if (limits.max_gpu_hours) factor = std::min(factor, *limits.max_gpu_hours / out.gpu_hours);
  if (limits.max_hours) factor = std::min(factor, *limits.max_hours * 3600 / out.finish_s);
  if (!(factor > 1) || !std::isfinite(factor)) return out;
  out.is_scaled = true;
  const auto scaled = [factor](std::int64_t count) {
    return static_cast<std::int64_t>(std::llround(static_cast<double>(count) * factor));
  };
  out.trials = 0;
  for (auto& length : out.lengths) {
    length.trials = scaled(length.trials);
    out.trials += length.trials;
  }
  out.gpu_hours *= factor;
  out.finish_s *= factor;
  return out;
}

}  // namespace galley::hpo
