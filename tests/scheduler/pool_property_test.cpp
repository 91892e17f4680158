// A Pool against the obvious slow version of it, through long random histories.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "scheduler/placer.h"
#include "scheduler/pool.h"

namespace galley::scheduler {
namespace {

constexpr int kOperations = 100'000;

struct Held {
  Request request;
  Grant grant;
};

/// What a Pool says, from nothing but the list of what is held.
class Naive {
 public:
  explicit Naive(std::vector<NodeSpec> specs) : specs_(std::move(specs)) {}

  std::int64_t cpu_free(std::size_t node, const std::vector<Held>& held) const {
    auto left = specs_[node].cpu_milli;
    for (const auto& each : held)
      if (static_cast<std::size_t>(each.grant.node) == node) left -= each.request.cpu_milli;
    return left;
  }
  int milli_free(std::size_t node, int device, const std::vector<Held>& held) const {
    int left = kWholeGpuMilli;
    for (const auto& each : held)
      if (static_cast<std::size_t>(each.grant.node) == node &&
          (each.grant.devices >> device & 1) != 0)
        left -= each.request.is_share() ? each.request.gpu_milli : kWholeGpuMilli;
    return left;
  }
  bool fits(std::size_t node, const Request& request, const std::vector<Held>& held, bool open,
            DeviceSet in_service) const {
    if (!open || cpu_free(node, held) < request.cpu_milli) return false;
    int found = 0;
    for (int d = 0; d < static_cast<int>(specs_[node].devices.size()); ++d) {
      if ((in_service >> d & 1) == 0) continue;
      const int left = milli_free(node, d, held);
      if (request.is_share() ? specs_[node].devices[static_cast<std::size_t>(d)].shareable &&
                                   left >= request.gpu_milli
                             : left == kWholeGpuMilli)
        ++found;
    }
    return found >= request.gpus;
  }

 private:
  std::vector<NodeSpec> specs_;
};

std::vector<NodeSpec> fleet() {
  std::vector<NodeSpec> specs;
  for (const int gpus : {0, 1, 3, 4, 6, 8, 8, 10}) {
    NodeSpec spec{.cpu_milli = 16'000,
                  .memory_mib = 65'536,
                  .devices = {},
                  .cells = {0x3, 0xc, 0xf, 0x30, 0xc0, 0xf0},
                  .zone = {}};
    for (int d = 0; d < gpus; ++d)
      spec.devices.push_back(
          {.model = d % 3 == 2 ? "T4" : "A100", .memory_mib = 40'000, .shareable = gpus % 4 == 0});
    specs.push_back(spec);
  }
  return specs;
}

Request random_request(std::mt19937_64& random) {
  Request request{.cpu_milli = static_cast<std::int64_t>(random() % 3) * 500, .models = {}};
  const auto kind = random() % 4;
  if (kind == 0) return request;
  request.gpus = kind == 1 ? 1 : 1 + static_cast<int>(random() % 8);
  if (kind == 1) request.gpu_milli = 100 * (1 + static_cast<int>(random() % 9));
  return request;
}

/// The groups hold every open node once, in the state that the pool reports for it.
void expect_groups_right(const Pool& pool) {
  std::map<GroupIndex, std::uint32_t> nodes;
  for (std::size_t n = 0; n < pool.node_count(); ++n) {
    const NodeIndex node{static_cast<std::uint32_t>(n)};
    ASSERT_EQ(pool.group_of(node) == kNoGroup, !pool.is_open(node));
    if (!pool.is_open(node)) continue;
    ++nodes[pool.group_of(node)];
    const auto& group = pool.group(pool.group_of(node));
    ASSERT_EQ(group.cpu_free_milli, pool.cpu_free_milli(node));
    std::int64_t idle = 0;
    for (const auto& gpus : pool.gpu_state(group.gpus).gpus) idle += gpus.milli * gpus.count;
    ASSERT_EQ(idle, pool.idle_milli(node));
    const int whole = pool.free_gpus(node);
    ASSERT_EQ(group.bucket, whole > 0 ? 1U + static_cast<unsigned>(whole) : idle > 0 ? 1U : 0U);
  }
  std::size_t listed = 0;
  for (std::size_t bucket = 0; bucket < Pool::kBuckets; ++bucket)
    for (auto group = pool.first_group(bucket); group != kNoGroup; group = pool.group(group).next) {
      ASSERT_EQ(pool.group(group).nodes, nodes[group]);
      ++listed;
    }
  ASSERT_EQ(listed, nodes.size());
}

class PoolHistory : public testing::TestWithParam<std::uint64_t> {};

TEST_P(PoolHistory, AgreesWithTheObviousVersionAndEndsAsItBegan) {
  std::mt19937_64 random(GetParam());
  const auto specs = fleet();
  const Naive naive(specs);
  Pool pool;
  for (const auto& spec : specs) pool.add_node(spec);
  const auto cells_at_first = pool.free_cells();
  std::vector<Held> held;
  std::vector<DeviceSet> in_service;
  std::vector<bool> open(specs.size(), true);
  for (std::size_t n = 0; n < specs.size(); ++n)
    in_service.push_back(pool.in_service(NodeIndex{static_cast<std::uint32_t>(n)}));
  const auto all_devices = in_service;
  Placer placer;
  placer.set_mix(std::vector<TypicalRequest>{{{.cpu_milli = 500, .gpus = 1, .models = {}}, 3},
                                             {{.cpu_milli = 500, .gpus = 4, .models = {}}, 1}});

  for (int step = 0; step < kOperations; ++step) {
    const auto n = random() % specs.size();
    const NodeIndex node{static_cast<std::uint32_t>(n)};
    const auto action = random() % 100;
    if (action < 2) {
      in_service[n] = random() & all_devices[n];
      if (random() % 2 == 0) in_service[n] = all_devices[n];
      pool.set_in_service(node, in_service[n]);
    } else if (action < 4) {
      open[n] = !open[n];
      pool.set_open(node, open[n]);
    } else if (action < 55) {
      const auto request = random_request(random);
      const bool fits = pool.fits(node, request);
      ASSERT_EQ(fits, naive.fits(n, request, held, open[n], in_service[n])) << "step " << step;
      // Half of the grants are the pool's own choice, half the placer's.
      std::optional<Grant> grant;
      if (step % 2 == 0 && fits) grant = Grant{node, pool.choose_devices(node, request)};
      if (step % 2 == 1) {
        const auto choice = placer.choose(pool, request);
        bool any = false;
        for (std::size_t i = 0; i < specs.size(); ++i)
          any = any || naive.fits(i, request, held, open[i], in_service[i]);
        ASSERT_EQ(choice.has_value(), any) << "step " << step;
        if (choice) grant = choice->grant;
      }
      if (grant) {
        const auto at = static_cast<std::size_t>(grant->node);
        ASSERT_TRUE(open[at]);
        ASSERT_EQ(grant->devices & ~in_service[at], 0U) << "step " << step;
        pool.take(request, *grant);
        held.push_back({request, *grant});
      }
    } else if (!held.empty()) {
      const auto which = random() % held.size();
      pool.give(held[which].request, held[which].grant);
      held[which] = held.back();
      held.pop_back();
    }
    ASSERT_EQ(pool.cpu_free_milli(node), naive.cpu_free(n, held));
    for (int d = 0; d < pool.gpu_count(node); ++d)
      ASSERT_EQ(pool.idle_milli(node, d), naive.milli_free(n, d, held));
    if (step % 500 == 0) expect_groups_right(pool);
  }

  for (const auto& each : held) pool.give(each.request, each.grant);
  for (std::size_t n = 0; n < specs.size(); ++n) {
    const NodeIndex node{static_cast<std::uint32_t>(n)};
    pool.set_open(node, true);
    pool.set_in_service(node, all_devices[n]);
  }
  expect_groups_right(pool);
  EXPECT_EQ(pool.free_cells(), cells_at_first) << "every split cell has merged";
}

INSTANTIATE_TEST_SUITE_P(Seeds, PoolHistory, testing::Values(1, 2, 3, 4));

}  // namespace
}  // namespace galley::scheduler
