#include "hpo_study/stopgo_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <queue>

#include "hpo/tuning_share.h"
#include "hpo_study/people_trace.h"
#include "hpo_study/schedule_world.h"

namespace galley::bench {
namespace {

constexpr double kHorizon_s = 14 * 86'400.0;
constexpr double kWindow_s = 60;  // no job is shorter, so none begins and ends in one
constexpr double kTrial_s = 5 * 3600.0;
constexpr double kTrainerCheckpoint_s = 2;
constexpr double kNever_s = std::numeric_limits<double>::infinity();
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
  std::vector<double> done(kStudies, kNever_s);
  queue.on_end = [&](std::size_t job, double now_s) {
    if (jobs[job].study >= 0) done[static_cast<std::size_t>(jobs[job].study)] = now_s;
  };
  for (double now = queue.next_s(); std::isfinite(now); now = queue.next_s()) {
    queue.pass(now);
    queue.start_waiting(now, 0);
  }
  std::vector<double> waits;
  for (std::size_t i = 0; i < jobs.size(); ++i)
    if (jobs[i].study < 0)
      waits.push_back((queue.began_s()[i] < 0 ? kHorizon_s : queue.began_s()[i]) -
                      jobs[i].arrives_s);
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

/// Trials run to their end behind people: none starts while a person waits, nor more than `limit`
/// at once.
BurstResult bursts_with_limit(const std::vector<PeopleJob>& people, std::int64_t gpus,
                              std::int64_t limit) {
  PeopleQueue queue(people, gpus);
  std::vector<std::int64_t> waiting(kStudies, kTrialsOfStudy), left(kStudies, kTrialsOfStudy);
  using End = std::pair<double, std::int64_t>;
  std::priority_queue<End, std::vector<End>, std::greater<>> running;
  std::int64_t arrived = 0;
  BurstResult result;
  const auto next_s = [&] {
    double next = queue.next_s();
    if (!running.empty()) next = std::min(next, running.top().first);
    if (arrived < kStudies) next = std::min(next, study_arrives(arrived));
    return next;
  };
  for (double now = next_s(); std::isfinite(now); now = next_s()) {
    queue.pass(now);
    while (arrived < kStudies && study_arrives(arrived) <= now) ++arrived;
    for (; !running.empty() && running.top().first <= now; running.pop()) {
      const std::int64_t study = running.top().second;
      if (--left[static_cast<std::size_t>(study)] == 0)
        result.mean_study_s += (now - study_arrives(study)) / static_cast<double>(kStudies);
    }
    const auto held = [&] { return static_cast<std::int64_t>(running.size()); };
    queue.start_waiting(now, held());
    if (queue.waiting_gpus() > 0) continue;
    for (std::int64_t study = 0; study < arrived; ++study)
      while (waiting[static_cast<std::size_t>(study)] > 0 && held() < limit &&
             held() + queue.use() < gpus) {
        --waiting[static_cast<std::size_t>(study)];
        running.emplace(now + kTrial_s, study);
      }
  }
  if (std::ranges::any_of(left, [](std::int64_t trials) { return trials > 0; }))
    result.mean_study_s = kNever_s;
  result.p90_wait_s = percentile(waits_of(people, queue), 0.9);
  return result;
}

/// The least number up to `most` that is enough; enough for one is taken to be enough for more.
template <class Enough>
double fewest(std::int64_t most, Enough enough) {
  std::int64_t low = 0;
  while (most - low > 1) {
    const std::int64_t middle = (low + most) / 2;
    (enough(middle) ? most : low) = middle;
  }
  return static_cast<double>(most);
}

struct Purchase {
  double stopgo = 0;
  double partition = 0;
  double limit = 0;
  double queue = 0;
  double best() const { return std::min({partition, limit, queue}); }
};

Purchase purchase(std::uint64_t seed, double overhead) {
  constexpr std::int64_t kGpus = 128;
  constexpr std::int64_t kMost = 64 * kGpus;
  constexpr std::int64_t kLimits = 24;  // that are tried for each number of GPUs
  const auto people = people_trace(seed, {.days = kHorizon_s / 86'400, .gpus = kGpus});
  const auto with = bursts_with_stopgo(people, kGpus, overhead);
  const auto waits_enough = [&](const BurstResult& one) {
    return one.p90_wait_s <= with.p90_wait_s + 1;
  };
  const auto is_equal = [&](const BurstResult& one) {
    return waits_enough(one) && one.mean_study_s <= with.mean_study_s;
  };
  const double for_people = fewest(kMost, [&](std::int64_t gpus) {
    return percentile(waits_without_tuning(people, gpus), 0.9) <= with.p90_wait_s + 1;
  });
  const double for_tuning = fewest(kMost, [&](std::int64_t gpus) {
    return bursts_with_limit({}, gpus, gpus).mean_study_s <= with.mean_study_s;
  });
  Purchase bought{.stopgo = kGpus, .partition = for_people + for_tuning};
  bought.limit = fewest(kMost, [&](std::int64_t gpus) {
    for (std::int64_t step = 1; step <= kLimits; ++step)
      if (is_equal(bursts_with_limit(people, gpus, gpus * step / kLimits))) return true;
    return false;
  });
  bought.queue =
      fewest(kMost, [&](std::int64_t gpus) { return is_equal(bursts_as_jobs(people, gpus)); });
  return bought;
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
  Purchase bought;
  double best = 0;
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
    const auto one_bought =
        purchase(static_cast<std::uint64_t>(seed), one.use.lost_s / one.use.busy_s);
    bought.stopgo += one_bought.stopgo;
    bought.partition += one_bought.partition;
    bought.limit += one_bought.limit;
    bought.queue += one_bought.queue;
    best += one_bought.best();
    report.seeds.push_back(seed);
    fmt::print(stderr,
               "trace {}: {:.1f} % used, {:.2f} % of tuning lost, {:.0f} GPUs instead of {:.0f} "
               "split, {:.0f} with a limit, {:.0f} in one queue\n",
               seed, one.utilisation * 100, 100 * one.use.lost_s / one.use.busy_s,
               one_bought.stopgo, one_bought.partition, one_bought.limit, one_bought.queue);
  }
  report.figures["lost_work_pct"] = 100 * lost / busy;
  report.figures["gpu_free_s_p99"] = percentile(leaves, 0.99);
  report.figures["trainer_checkpoint_s"] = kTrainerCheckpoint_s;
  report.figures["extra_wait_p99_s"] = percentile(extra, 0.99);
  report.figures["wait_p99_difference_s"] = difference;
  report.figures["utilisation_pct"] = 100 * utilisation;
  report.figures["gpus_needed_ratio"] = bought.stopgo / best;
  report.figures["gpus_needed_ratio_partition"] = bought.stopgo / bought.partition;
  report.figures["gpus_needed_ratio_limit"] = bought.stopgo / bought.limit;
  report.figures["gpus_needed_ratio_queue"] = bought.stopgo / bought.queue;
  return report;
}

}  // namespace galley::bench
