#include "placement/placement_replay.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>
#include <tuple>

#include "scheduler/placer.h"
#include "scheduler/pool.h"
#include "traces/arrivals.h"

namespace galley::bench {
namespace {

double thread_cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

scheduler::Pool make_pool(const OpenbTrace& trace, std::span<const std::uint32_t> node_order) {
  scheduler::Pool pool;
  for (const auto number : node_order) {
    const TraceNode& node = trace.nodes[number];
    scheduler::NodeSpec spec{.cpu_milli = node.cpu_milli,
                             .memory_mib = node.memory_mib,
                             .devices = {},
                             .cells = {},
                             .zone = {}};
    // The trace shares every GPU and says nothing about GPU memory or links.
    spec.devices.assign(static_cast<std::size_t>(node.gpus),
                        {.model = node.model, .memory_mib = 0, .shareable = true});
    pool.add_node(spec);
  }
  return pool;
}

std::vector<scheduler::Request> make_requests(const OpenbTrace& trace, scheduler::Pool& pool) {
  std::vector<scheduler::Request> requests;
  for (const auto& task : trace.tasks) {
    scheduler::Request request{
        .cpu_milli = task.cpu_milli,
        .memory_mib = task.memory_mib,
        .gpus = task.gpus,
        .gpu_milli = task.gpus > 0 ? task.gpu_milli : scheduler::kWholeGpuMilli,
        .gpu_memory_mib = 0,
        .models = {}};
    for (const auto& model : task.models) request.models.push_back(pool.model(model));
    std::ranges::sort(request.models);
    requests.push_back(std::move(request));
  }
  return requests;
}

/// Tasks alike in all but memory are one kind, with the mean of it.
std::vector<scheduler::TypicalRequest> mix_of(std::span<const scheduler::Request> requests) {
  using Key = std::tuple<std::int64_t, int, int, std::vector<scheduler::ModelIndex>>;
  std::map<Key, scheduler::TypicalRequest> kinds;
  for (const auto& request : requests) {
    const auto [found, added] =
        kinds.try_emplace(Key{request.cpu_milli, request.gpus, request.gpu_milli, request.models},
                          scheduler::TypicalRequest{request, 0});
    if (!added) found->second.request.memory_mib += request.memory_mib;
    found->second.frequency += 1;
  }
  std::vector<scheduler::TypicalRequest> mix;
  for (auto& [key, kind] : kinds) {
    kind.request.memory_mib /= static_cast<std::int64_t>(kind.frequency);
    mix.push_back(std::move(kind));
  }
  return mix;
}

}  // namespace

ReplayResult replay(const OpenbTrace& trace, std::uint64_t seed,
                    const std::function<bool(std::uint32_t)>& place) {
  const auto capacity = gpu_capacity_milli(trace.nodes);
  const auto pct = [capacity](std::int64_t milli) {
    return 100.0 * static_cast<double>(milli) / static_cast<double>(capacity);
  };
  ReplayResult result;
  std::int64_t asked = 0;
  std::int64_t allocated = 0;
  const auto order = arrivals(trace.tasks, capacity, kReplayLoad, seed);
  const double begin_s = thread_cpu_s();
  for (const auto task : order) {
    const auto wanted = gpu_request_milli(trace.tasks[task]);
    asked += wanted;
    if (place(task)) allocated += wanted;
    if (asked <= capacity) result.allocated_pct_100 = pct(allocated);
  }
  result.cpu_s = thread_cpu_s() - begin_s;
  result.allocated_pct_130 = pct(allocated);
  result.decisions = order.size();
  return result;
}

ReplayResult replay_reference(const OpenbTrace& trace, std::span<const TaskClass> mix,
                              Reference policy, std::uint64_t seed) {
  ReferenceFleet fleet(trace, mix, policy, seed);
  return replay(trace, seed, [&](std::uint32_t task) { return fleet.place(task); });
}

ReplayResult replay_galley(const OpenbTrace& trace, std::span<const std::uint32_t> node_order,
                           std::uint64_t seed) {
  auto pool = make_pool(trace, node_order);
  const auto requests = make_requests(trace, pool);
  scheduler::Placer placer;
  placer.set_mix(mix_of(requests));
  std::vector<float> decision_us;
  auto result = replay(trace, seed, [&](std::uint32_t task) {
    const auto begin = std::chrono::steady_clock::now();
    const auto choice = placer.choose(pool, requests[task]);
    if (choice) pool.take(requests[task], choice->grant);
    const std::chrono::duration<float, std::micro> took = std::chrono::steady_clock::now() - begin;
    decision_us.push_back(took.count());
    return choice.has_value();
  });
  result.decision_us = std::move(decision_us);
  return result;
}

}  // namespace galley::bench
