// Random lives of a fleet that teams share. Who has a guarantee never waits longer than in a
// private cluster of its own, and what is protected lies on GPUs that work.
#include <gtest/gtest.h>

#include <random>

#include "controller.h"
#include "scheduler/virtual_cluster.h"

namespace galley::scheduler {
namespace {

using protocol::PriorityClass;
using namespace std::chrono_literals;

constexpr int kNodes = 3;
constexpr Machine kMachine{.cpus = 32, .gpus = 8, .model = "H100", .zone = {}};

/// The same numbers with every standard library, unlike the distributions of <random>.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(bound));
  }
  template <class T>
  T pick(std::initializer_list<T> choices) {
    return *(choices.begin() + below(std::ssize(choices)));
  }

 private:
  std::mt19937_64 engine_;
};

struct Arrival {
  WallTime at{};
  QueuedJob job;
  Millis length{0};
};

struct Story {
  std::map<std::string, std::vector<Guarantee>> teams;
  std::vector<Arrival> arrivals;
};

/// Teams with cells of the given sizes on three nodes, and jobs of all sizes.
Story story(Dice& dice, const std::vector<std::int64_t>& cell_sizes) {
  Story story;
  std::int64_t gpus_left = kNodes * 8 - 8 * dice.below(2);
  const std::int64_t teams = 2 + dice.below(2);
  for (int team = 0; team < teams; ++team) {
    auto& guarantees = story.teams["team" + std::to_string(team)];
    for (const std::int64_t size : cell_sizes) {
      const std::int64_t count = std::min(dice.below(16 / size / 2 + 1), gpus_left / size / 2);
      if (count == 0) continue;
      guarantees.push_back({.gpu_type = "", .gpus = size, .count = count});
      gpus_left -= size * count;
    }
  }
  WallTime at = kNow;
  for (int i = 1; i <= 60; ++i) {
    at += Millis(dice.below(4) * 60'000);
    QueuedJob one =
        queued(i, {.gpus = dice.pick<std::int64_t>({1, 1, 1, 2, 2, 3, 4, 6, 8}), .cpus = 1},
               dice.pick({PriorityClass::urgent, PriorityClass::normal, PriorityClass::normal,
                          PriorityClass::idle}));
    if (dice.below(8) == 0) one.resources.nodes = 2;
    // One in four belongs to a team that owns nothing.
    one.team = dice.below(4) == 0 ? "guests" : "team" + std::to_string(dice.below(teams));
    const Millis length{(1 + dice.below(90)) * 60'000};
    if (dice.below(2) == 0) one.runtime = Runtime{length, length};
    story.arrivals.push_back({at, std::move(one), length});
  }
  return story;
}

/// When each of the team's jobs that its cells could hold starts in a cluster of those cells alone.
std::map<JobSeq, WallTime> private_starts(const std::vector<Guarantee>& guarantees,
                                          const std::string& team,
                                          const std::vector<Arrival>& arrivals) {
  std::vector<VirtualCell> cells;
  for (const Guarantee& guarantee : guarantees)
    for (int i = 0; i < guarantee.count; ++i)
      cells.push_back({0, static_cast<int>(guarantee.gpus),
                       kMachine.cpus * 1000 * guarantee.gpus / 8,
                       (kMachine.memory_bytes >> 20) * guarantee.gpus / 8});
  VirtualCluster cluster(std::move(cells));
  std::map<JobSeq, Millis> lengths;
  std::map<JobSeq, WallTime> starts;
  std::set<std::pair<WallTime, JobSeq>> ends;
  std::size_t next = 0;
  while (next < arrivals.size() || !ends.empty()) {
    WallTime now = next < arrivals.size() ? arrivals[next].at : WallTime::max();
    if (!ends.empty()) now = std::min(now, ends.begin()->first);
    for (; !ends.empty() && ends.begin()->first == now; ends.erase(ends.begin()))
      cluster.remove(ends.begin()->second, starts.at(ends.begin()->second), now);
    for (; next < arrivals.size() && arrivals[next].at == now; ++next) {
      const QueuedJob& job = arrivals[next].job;
      if (job.team != team || job.priority_class == PriorityClass::idle) continue;
      const std::vector<VirtualMember> members(
          static_cast<std::size_t>(job.resources.nodes),
          {{}, static_cast<int>(job.resources.gpus), job.resources.cpus * 1000, 0});
      if (!cluster.could_hold(members)) continue;
      lengths[job.seq] = arrivals[next].length;
      cluster.add(job.seq, static_cast<int>(job.priority_class), members);
    }
    for (const JobSeq seq : cluster.advance(now)) {
      starts[seq] = now;
      ends.emplace(now + lengths.at(seq), seq);
    }
  }
  return starts;
}

void check(const Controller& world) {
  std::set<std::string> given;
  for (const auto& [id, one] : world.running) {
    const bool is_protected = world.is_protected(id);
    for (const NodeShare& share : one.start.placement.shares) {
      ASSERT_EQ(std::ssize(share.device_ids), one.job.resources.gpus);
      for (const std::string& device : share.device_ids) {
        ASSERT_TRUE(given.insert(device).second) << device << " is given twice";
        const auto& devices = world.nodes.at(share.node).devices;
        const auto known = std::ranges::find(devices, device, &Device::id);
        ASSERT_NE(known, devices.end());
        ASSERT_TRUE(known->in_service || !is_protected)
            << id.str() << " is protected on " << device;
      }
    }
    ASSERT_TRUE(one.start.standing == Standing::borrowed ||
                one.job.priority_class != PriorityClass::idle);
  }
}

/// Lives through the story; `damage` is told before each plan and may break or repair GPUs. Answers
/// when each job started for the last time: it ran from then to its end.
template <class Damage>
std::map<JobSeq, WallTime> live(Controller& world, const Story& story, const Damage& damage) {
  for (int i = 1; i <= kNodes; ++i) world.add(up(i, kMachine));
  for (const auto& [name, guarantees] : story.teams) world.team(name, guarantees);
  std::map<JobId, Millis> lengths;
  std::map<JobSeq, WallTime> starts;
  std::optional<WallTime> wake;
  std::size_t next = 0;
  for (int events = 0; events < 5'000; ++events) {
    WallTime now = next < story.arrivals.size() ? story.arrivals[next].at : WallTime::max();
    std::map<JobId, WallTime> ends;
    for (const auto& [id, one] : world.running) {
      ends[id] = one.since + lengths.at(id);
      now = std::min(now, ends[id]);
    }
    if (wake) now = std::min(now, *wake);
    if (now == WallTime::max()) break;
    world.now = now;
    for (const auto& [id, end] : ends)
      if (end <= now) {
        starts[world.running.at(id).job.seq] = world.running.at(id).since;
        world.end(id);
      }
    for (; next < story.arrivals.size() && story.arrivals[next].at <= now; ++next) {
      lengths[story.arrivals[next].job.id] = story.arrivals[next].length;
      world.submit(story.arrivals[next].job);
    }
    damage(world);
    wake = world.settle().second;
    check(world);
    if (::testing::Test::HasFatalFailure()) return starts;
  }
  return starts;
}

TEST(GuaranteesProperty, NoGuaranteedJobStartsLaterThanInItsPrivateCluster) {
  std::size_t compared = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    const Story story = galley::scheduler::story(dice, {8});
    Controller world;
    const auto starts = live(world, story, [](Controller&) {});
    if (::testing::Test::HasFatalFailure()) return;
    for (const auto& [team, guarantees] : story.teams)
      for (const auto& [seq, alone] : private_starts(guarantees, team, story.arrivals)) {
        ASSERT_TRUE(starts.contains(seq)) << "job " << seq << " of " << team << " never ended";
        EXPECT_LE(starts.at(seq), alone) << "job " << seq << " of " << team << " waits "
                                         << (starts.at(seq) - alone).count() << " ms longer";
        ++compared;
      }
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(compared, 1'000U);
}

TEST(GuaranteesProperty, ProtectedJobsLieOnGpusThatWorkWhateverBreaks) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    const Story story = galley::scheduler::story(dice, {8, 4, 2, 1});
    Controller world;
    live(world, story, [&](Controller& fleet) {
      if (dice.below(4) != 0) return;
      const int number = 1 + static_cast<int>(dice.below(kNodes));
      NodeUp changed{fleet.nodes.at(node(number))};
      Device& device = changed.offer.devices[static_cast<std::size_t>(dice.below(8))];
      device.in_service = !device.in_service;
      const std::string broken = device.in_service ? "" : device.id;
      fleet.add(changed);
      if (broken.empty()) return;
      // What ran there has failed, and is queued again.
      std::vector<JobId> failed;
      for (const auto& [id, one] : fleet.running)
        for (const NodeShare& share : one.start.placement.shares)
          if (std::ranges::find(share.device_ids, broken) != share.device_ids.end())
            failed.push_back(id);
      for (const JobId& job : failed) fleet.queue_again(job);
    });
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace galley::scheduler
