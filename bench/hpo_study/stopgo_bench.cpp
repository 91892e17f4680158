#include "hpo_study/stopgo_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>

#include "hpo/tuning_share.h"
#include "hpo_study/people_trace.h"
#include "hpo_study/schedule_world.h"

namespace galley::bench {
namespace {

constexpr double kHorizon_s = 14 * 86'400.0;
constexpr double kWindow_s = 60;  // no job is shorter, so none begins and ends in one
constexpr double kTrial_s = 5 * 3600.0;
constexpr double kTrainerCheckpoint_s = 2;
constexpr double kLeaveLeast_s = 0.2;
constexpr double kLeaveMost_s = 1.5;

/// Trials of five hours in epochs of 300 s; what they measure plays no part here.
class EpochWorld final : public hpo::TrialWorld {
 public:
  void start(hpo::TrialNumber trial, const hpo::Point&, std::int64_t,
             const std::string& checkpoint) override {
    double& epoch = epochs_[trial];
    epoch = 0;
    if (!checkpoint.empty())
      std::from_chars(checkpoint.data(), checkpoint.data() + checkpoint.size(), epoch);
  }
  Step next(hpo::TrialNumber trial) override {
    double& epoch = epochs_.at(trial);
    epoch += 1;
    const bool is_last = epoch * 300 >= kTrial_s;
    return {.kind = is_last ? Step::Kind::last_report : Step::Kind::report,
            .seconds = 300,
            .resource = epoch,
            .objectives = {static_cast<double>((trial * 7919) % 1000)}};
  }
  std::string checkpoint(hpo::TrialNumber trial) override {
    return fmt::format("{}", epochs_.at(trial));
  }

 private:
  std::map<hpo::TrialNumber, double> epochs_;
};

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const auto at = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5);
  return values[at];
}

std::vector<double> waits_of(const std::vector<PeopleJob>& jobs, const PeopleQueue& queue) {
  std::vector<double> waits;
  for (std::size_t i = 0; i < jobs.size(); ++i)
    waits.push_back((queue.began_s()[i] < 0 ? kHorizon_s : queue.began_s()[i]) - jobs[i].arrives_s);
  return waits;
}

std::vector<double> waits_without_tuning(const std::vector<PeopleJob>& jobs, std::int64_t gpus) {
  PeopleQueue queue(jobs, gpus);
  for (double now = queue.next_s(); now <= kHorizon_s; now = queue.next_s()) {
    queue.pass(now);
    queue.start_waiting(now, 0);
  }
  return waits_of(jobs, queue);
}

struct Shared {
  hpo::SimulationUse use;
  std::vector<double> extra_wait_s;
  double utilisation = 0;
  double p99_with = 0;
  double p99_without = 0;
};

Result<Shared> share_cluster(std::uint64_t seed) {
  constexpr std::int64_t kGpus = 256;
  const auto jobs = people_trace(seed, {.days = kHorizon_s / 86'400, .gpus = kGpus});
  hpo::StudySpec spec;
  spec.measures = {{"accuracy", true}};
  spec.sampler = "random";
  spec.max_resource = kTrial_s / 300;
  spec.seed = seed;
  GALLEY_TRY(hpo::Study study,
             hpo::Study::open(spec, ScheduleWorld::space(),
                              [](const hpo::StudySpec& own, const hpo::Space& space) {
                                return hpo::make_sampler(own.sampler, space, {.seed = own.seed});
                              }));
  EpochWorld world;
  hpo::SimulatedStudy tuning(study, world,
                             {.startup_s = 30,
                              .checkpoint_s = kTrainerCheckpoint_s,
                              .leave_s = kLeaveLeast_s + kTrainerCheckpoint_s,
                              .leave_spread_s = kLeaveMost_s - kLeaveLeast_s,
                              .preempt_mean_s = 4 * 3600,
                              .seed = seed});
  PeopleQueue people(jobs, kGpus);
  std::int64_t share = 0;
  const auto divide = [&] {
    const auto next = hpo::tuning_share({.gpus = kGpus,
                                         .people_use = people.use(),
                                         .people_wait = people.waiting_gpus(),
                                         .tuning_use = share,
                                         .tuning_want = kGpus});
    if (next == share) return;
    share = next;
    tuning.tell({.kind = hpo::Event::Kind::capacity, .gpus = share});
  };
  tuning.on_free([&](double at_s) { people.start_waiting(at_s, tuning.holding()); });
  for (double now = 0; now < kHorizon_s;) {
    now = std::min({people.next_s(), now + kWindow_s, kHorizon_s});
    tuning.run_until(now);
    people.pass(now);
    people.start_waiting(now, tuning.holding());
    divide();
  }
  Shared out{.use = tuning.use()};
  const auto with = waits_of(jobs, people);
  const auto without = waits_without_tuning(jobs, kGpus);
  for (std::size_t i = 0; i < with.size(); ++i) out.extra_wait_s.push_back(with[i] - without[i]);
  out.utilisation =
      (people.used_gpu_s(kHorizon_s) + out.use.busy_s) / (static_cast<double>(kGpus) * kHorizon_s);
  out.p99_with = percentile(with, 0.99);
  out.p99_without = percentile(without, 0.99);
  return out;
}

struct BurstResult {
  double p90_wait_s = 0;
  double mean_study_s = 0;
};

constexpr std::int64_t kStudies = 18;
constexpr std::int64_t kTrialsOfStudy = 160;

double study_arrives(std::int64_t study) {
  // Bursts: three studies within minutes, before deadlines two days apart.
  return static_cast<double>(study / 3) * 2 * 86'400 + 10 * 3600.0 +
         static_cast<double>(study % 3) * 600;
}

/// Trials as ordinary jobs: they queue with everyone else and run to their end.
BurstResult bursts_as_jobs(const std::vector<PeopleJob>& people, std::int64_t gpus) {
  auto jobs = people;
  for (std::int64_t study = 0; study < kStudies; ++study)
    for (std::int64_t trial = 0; trial < kTrialsOfStudy; ++trial)
      jobs.push_back({study_arrives(study), kTrial_s, 1, study});
  std::ranges::stable_sort(jobs, {}, &PeopleJob::arrives_s);
  PeopleQueue queue(jobs, gpus);
  std::vector<double> done(kStudies, 0);
  queue.on_end = [&](std::size_t job, double now_s) {
    if (jobs[job].study >= 0) done[static_cast<std::size_t>(jobs[job].study)] = now_s;
  };
  for (double now = queue.next_s(); std::isfinite(now); now = queue.next_s()) {
    queue.pass(now);
    queue.start_waiting(now, 0);
  }
  std::vector<double> waits;
  for (std::size_t i = 0; i < jobs.size(); ++i)
    if (jobs[i].study < 0) waits.push_back(queue.began_s()[i] - jobs[i].arrives_s);
  BurstResult result{.p90_wait_s = percentile(waits, 0.9)};
  for (std::int64_t study = 0; study < kStudies; ++study)
    result.mean_study_s += (done[static_cast<std::size_t>(study)] - study_arrives(study)) /
                           static_cast<double>(kStudies);
  return result;
}

/// Trials on what people leave, first study first; `overhead` is what preemption costs them.
BurstResult bursts_with_stopgo(const std::vector<PeopleJob>& people, std::int64_t gpus,
                               double overhead) {
  PeopleQueue queue(people, gpus);
  std::vector<double> left(kStudies, kTrialsOfStudy * kTrial_s * (1 + overhead));
  BurstResult result;
  std::int64_t share = 0;
  for (double now = 0;;) {
    const bool open = std::ranges::any_of(left, [](double w) { return w > 0; });
    const double next = std::min(queue.next_s(), now + kWindow_s);
    if (!open && !std::isfinite(queue.next_s())) break;
    double room = static_cast<double>(share);
    std::int64_t want = 0;
    for (std::int64_t study = 0; study < kStudies; ++study) {
      double& work = left[static_cast<std::size_t>(study)];
      if (work <= 0 || study_arrives(study) > now) continue;
      const double most = std::min(static_cast<double>(kTrialsOfStudy), work / kTrial_s + 1);
      want += static_cast<std::int64_t>(most);
      const double takes = std::min(room, most);
      room -= takes;
      work -= takes * (next - now);
      if (work <= 0)
        result.mean_study_s += (next - study_arrives(study)) / static_cast<double>(kStudies);
    }
    now = next;
    queue.pass(now);
    const std::int64_t before = share;
    share = hpo::tuning_share({.gpus = gpus,
                               .people_use = queue.use(),
                               .people_wait = queue.waiting_gpus(),
                               .tuning_use = share,
                               .tuning_want = want});
    // What a trial gives back is free seconds later; a start that needs it is that much later.
    queue.start_waiting(now + (share < before ? kLeaveMost_s + kTrainerCheckpoint_s : 0), share);
  }
  std::vector<double> waits;
  for (std::size_t i = 0; i < people.size(); ++i)
    waits.push_back(queue.began_s()[i] - people[i].arrives_s);
  result.p90_wait_s = percentile(waits, 0.9);
  return result;
}

struct Purchase {
  double gpus_with = 0;
  double gpus_without = 0;
};

Purchase purchase(std::uint64_t seed, double overhead) {
  constexpr std::int64_t kGpus = 128;
  const auto people = people_trace(seed, {.days = kHorizon_s / 86'400, .gpus = kGpus});
  const auto with = bursts_with_stopgo(people, kGpus, overhead);
  std::int64_t low = kGpus;  // too few
  std::int64_t high = 64 * kGpus;
  while (high - low > 1) {
    const std::int64_t middle = (low + high) / 2;
    const auto without = bursts_as_jobs(people, middle);
    const bool equal =
        without.p90_wait_s <= with.p90_wait_s + 1 && without.mean_study_s <= with.mean_study_s;
    (equal ? high : low) = middle;
  }
  return {kGpus, static_cast<double>(high)};
}

}  // namespace

Result<BenchReport> run_stopgo_bench(const StopgoBenchOptions& options) {
  BenchReport report{.name = "hpo-stopgo"};
  std::vector<double> extra;
  std::vector<double> leaves;
  double lost = 0;
  double busy = 0;
  double utilisation = 0;
  double difference = 0;
  double bought_with = 0;
  double bought_without = 0;
  const auto share = 1.0 / static_cast<double>(options.seeds);
  for (std::int64_t seed = 1; seed <= options.seeds; ++seed) {
    GALLEY_TRY(const Shared one, share_cluster(static_cast<std::uint64_t>(seed)));
    extra.insert(extra.end(), one.extra_wait_s.begin(), one.extra_wait_s.end());
    leaves.insert(leaves.end(), one.use.leave_s.begin(), one.use.leave_s.end());
    lost += one.use.lost_s;
    busy += one.use.busy_s;
    utilisation += one.utilisation * share;
    difference += (one.p99_with - one.p99_without) * share;
    report.figures["preemptions"] += static_cast<double>(one.use.preemptions);
    report.figures["ordered_pauses"] += static_cast<double>(one.use.leave_s.size());
    const auto bought = purchase(static_cast<std::uint64_t>(seed), one.use.lost_s / one.use.busy_s);
    bought_with += bought.gpus_with;
    bought_without += bought.gpus_without;
    report.seeds.push_back(seed);
    fmt::print(stderr,
               "trace {}: {:.1f} % used, {:.2f} % of tuning lost, {:.0f} GPUs instead of {:.0f}\n",
               seed, one.utilisation * 100, 100 * one.use.lost_s / one.use.busy_s, bought.gpus_with,
               bought.gpus_without);
  }
  report.figures["lost_work_pct"] = 100 * lost / busy;
  report.figures["gpu_free_s_p99"] = percentile(leaves, 0.99);
  report.figures["trainer_checkpoint_s"] = kTrainerCheckpoint_s;
  report.figures["extra_wait_p99_s"] = percentile(extra, 0.99);
  report.figures["wait_p99_difference_s"] = difference;
  report.figures["utilisation_pct"] = 100 * utilisation;
  report.figures["gpus_needed_ratio"] = bought_with / bought_without;
  return report;
}

}  // namespace galley::bench
