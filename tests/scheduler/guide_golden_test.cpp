// Two hundred jobs that cannot start, on fleets of all kinds. What the guide says is put to the
// test: each alternative that is said to start now is taken, and has to.
#include <gtest/gtest.h>

#include <iostream>
#include <random>

#include "controller.h"

namespace galley::scheduler {
namespace {

using protocol::PriorityClass;
using namespace std::chrono_literals;

constexpr int kCases = 200;

/// The same numbers with every standard library, unlike the distributions of <random>.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(bound));
  }
  bool one_in(std::int64_t bound) { return below(bound) == 0; }
  template <class T>
  T pick(std::initializer_list<T> choices) {
    return *(choices.begin() + below(std::ssize(choices)));
  }

 private:
  std::mt19937_64 engine_;
};

constexpr std::int64_t kGib = std::int64_t{1} << 30;

void furnish(Controller& world, Dice& dice) {
  const auto nodes = static_cast<int>(1 + dice.below(6));
  for (int i = 1; i <= nodes; ++i) {
    Machine machine;
    machine.gpus = dice.pick({8, 8, 8, 4, 4, 2, 0});
    machine.cpus = dice.pick<std::int64_t>({16, 32, 64});
    machine.memory_bytes = dice.pick<std::int64_t>({64, 128, 256}) * kGib;
    machine.model =
        dice.pick<std::string>({"NVIDIA H100 80GB HBM3", "NVIDIA A100-SXM4-80GB", "L40S"});
    if (!dice.one_in(3))
      machine.zone = {"row" + std::to_string(dice.below(2)), "rack" + std::to_string(i / 2)};
    NodeUp node = up(i, machine);
    for (Device& device : node.offer.devices) device.in_service = !dice.one_in(20);
    world.add(node);
  }
  const std::int64_t gpus = dice.pick<std::int64_t>({2, 4, 8});
  if (dice.one_in(2)) world.team("vision", {{.gpu_type = "", .gpus = gpus, .count = 1}});
  if (dice.one_in(3)) world.team("speech", {{.gpu_type = "", .gpus = 2, .count = 1}}, 2);
}

QueuedJob any_job(int number, Dice& dice) {
  QueuedJob job =
      queued(number, {},
             dice.pick({PriorityClass::normal, PriorityClass::normal, PriorityClass::normal,
                        PriorityClass::urgent, PriorityClass::idle}));
  job.resources.gpus = dice.pick<std::int64_t>({0, 1, 1, 2, 2, 4, 8});
  job.resources.cpus = 1 + dice.below(job.resources.gpus * 2 + 4);
  job.resources.memory.count = dice.below(24) * kGib;
  job.team = dice.pick<std::string>({"vision", "speech", "guests", "guests"});
  if (job.resources.gpus > 0 && dice.one_in(4))
    job.resources.gpu_type = dice.pick<std::string>({"H100", "A100"});
  if (dice.one_in(8)) job.resources.nodes = 2;
  if (!dice.one_in(3)) {
    const Millis typical = 1min * (5 + dice.below(300));
    job.runtime = Runtime{typical, typical * 2};
  }
  return job;
}

/// What users ask for when they have to wait or will never be served.
QueuedJob any_request(int number, Dice& dice) {
  QueuedJob job = any_job(number, dice);
  job.resources.gpus = dice.pick<std::int64_t>({1, 2, 4, 4, 8, 8, 8});
  switch (dice.below(24)) {
    case 0:
      job.resources.gpus = dice.pick<std::int64_t>({16, 65, 4096});
      break;
    case 1:
      job.resources.gpu_type = "B200";
      break;
    case 2:
      job.resources.memory.count = dice.pick<std::int64_t>({200, 512, 1'000'000}) * kGib;
      break;
    case 3:
    case 8:
      job.resources.nodes = dice.pick<std::int64_t>({2, 2, 3, 64});
      break;
    case 4:
    case 9:
    case 10:
      job.resources.gpus = dice.below(2);
      job.resources.memory.count = (40 + dice.below(200)) * kGib;
      break;
    case 5:
      job.resources.cpus = dice.pick<std::int64_t>({24, 48, 4096});
      break;
    case 6:
      job.resources.gpu_milli = 500;
      job.resources.gpus = 1;
      break;
    case 7:
      job.start_at = kNow + 24h + 1min * dice.below(600);
      break;
    default:
      break;
  }
  return job;
}

/// A fleet some hours into its day, and the request that is made of it.
struct Case {
  Controller world;
  QueuedJob asked;
  bool is_queued = false;
};

Case make(std::uint64_t seed) {
  Dice dice(seed);
  Case made;
  furnish(made.world, dice);
  int number = 0;
  const std::int64_t arrivals = 4 + dice.below(30);
  for (std::int64_t i = 0; i < arrivals; ++i) {
    QueuedJob job = any_job(++number, dice);
    if (!made.world.scheduler.admit(job)) continue;
    made.world.submit(job);
    made.world.settle();
    made.world.now += 1min * dice.below(8);
    if (!dice.one_in(3) || made.world.running.empty()) continue;
    auto ends = made.world.running.begin();
    std::advance(ends, dice.below(std::ssize(made.world.running)));
    made.world.end(ends->first);
    made.world.settle();
  }
  made.asked = any_request(++number, dice);
  made.asked.queued_at = made.world.now;
  // Impossible jobs are refused before they are queued.
  made.is_queued = dice.one_in(2) && made.world.scheduler.admit(made.asked);
  if (made.is_queued) {
    made.world.submit(made.asked);
    made.world.settle();
  }
  return made;
}

std::string_view name_of(Binding binding) {
  switch (binding) {
    case Binding::none:
      return "none";
    case Binding::impossible:
      return "impossible";
    case Binding::no_node:
      return "no_node";
    case Binding::not_before:
      return "not_before";
    case Binding::resources_in_use:
      return "resources_in_use";
    case Binding::fragmentation:
      return "fragmentation";
    case Binding::set_aside:
      return "set_aside";
    case Binding::quota:
      return "quota";
  }
  return "?";
}

/// The scheduler after the user has taken the alternative, and the new job's id.
std::pair<Scheduler, QueuedJob> taken(const Case& made, const Alternative& alternative) {
  Scheduler scheduler(made.world.scheduler);
  if (made.is_queued) scheduler.apply(JobGone{made.asked.id, made.world.now});
  QueuedJob changed = made.asked;
  changed.id = job(9'000);
  changed.seq = 9'000;
  changed.resources = alternative.resources;
  changed.priority_class = alternative.priority_class;
  changed.team = alternative.team;
  changed.start_at = alternative.start_at;
  changed.queued_at = made.world.now;
  return {std::move(scheduler), std::move(changed)};
}

bool starts(const Plan& plan, const JobId& id) {
  return std::ranges::any_of(plan.starts, [&](const Start& start) { return start.job == id; });
}

TEST(GuideGolden, SaysOneReasonAndAlternativesThatHold) {
  std::map<std::string_view, int> bindings;
  std::map<std::string, std::pair<int, int>> kinds;  // all, and those that start now
  int cases = 0;
  int broken = 0;
  for (std::uint64_t seed = 1; cases < kCases && seed < 5 * kCases; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Case made = make(seed);
    const WallTime now = made.world.now;
    if (made.is_queued && made.world.scheduler.find(made.asked.id) == nullptr) continue;  // it runs

    Scheduler untouched(made.world.scheduler);
    const Guide guide = made.world.scheduler.guide(made.asked, now);
    const Guide again = made.world.scheduler.guide(made.asked, now);
    EXPECT_EQ(guide.reason, again.reason);
    EXPECT_EQ(guide.alternatives.size(), again.alternatives.size());
    // Guides change nothing.
    EXPECT_EQ(Scheduler(made.world.scheduler).decide(now), untouched.decide(now));

    EXPECT_FALSE(guide.reason.empty());
    EXPECT_LE(guide.alternatives.size(), 5U);
    if (guide.binding == Binding::none) {
      // What starts at once is told so, and does when it is submitted; it is not of the golden set.
      Scheduler scheduler(made.world.scheduler);
      if (!made.is_queued) scheduler.apply(JobQueued{made.asked});
      EXPECT_TRUE(starts(scheduler.decide(now), made.asked.id));
      continue;
    }
    ++cases;
    ++bindings[name_of(guide.binding)];
    EXPECT_TRUE(guide.binding == Binding::set_aside ||
                guide.reason.find_first_of("0123456789") != std::string::npos ||
                guide.field == "resources.gpu_milli")
        << guide.reason;
    EXPECT_EQ(guide.start.has_value(), guide.binding != Binding::impossible) << guide.reason;
    if (guide.start) {
      EXPECT_LE(guide.start->early, guide.start->typical);
      EXPECT_LE(guide.start->typical, guide.start->late);
    }
    for (const Alternative& alternative : guide.alternatives) {
      ++kinds[alternative.kind].first;
      EXPECT_FALSE(alternative.change.empty());
      EXPECT_FALSE(alternative.edits.empty());
      auto [scheduler, changed] = taken(made, alternative);
      EXPECT_TRUE(scheduler.admit(changed)) << alternative.change;
      if (!alternative.starts_now) continue;
      ++kinds[alternative.kind].second;
      scheduler.apply(JobQueued{changed});
      const bool kept = starts(scheduler.decide(now), changed.id);
      EXPECT_TRUE(kept) << alternative.kind << ": " << alternative.change
                        << (made.is_queued ? " (queued)" : " (thought of)");
      broken += kept ? 0 : 1;
    }
  }
  EXPECT_EQ(cases, kCases);
  EXPECT_EQ(broken, 0);
  for (const auto& [name, count] : bindings)
    std::cout << "binding " << name << ": " << count << "\n";
  for (const auto& [kind, count] : kinds)
    std::cout << "alternative " << kind << ": " << count.first << ", of which " << count.second
              << " start now\n";
  for (const char* kind : {"fewer_gpus", "other_gpu_type", "split_over_nodes", "other_team",
                           "less_memory", "later_slot"})
    EXPECT_TRUE(kinds.contains(kind)) << "no case of the set has " << kind;
}

}  // namespace
}  // namespace galley::scheduler
