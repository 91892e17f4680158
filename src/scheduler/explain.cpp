#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <tuple>

#include "base/units.h"
#include "planner.h"
#include "words.h"

namespace galley::scheduler {
namespace {

constexpr std::size_t kMostCandidates = 16;

std::string node_list(const Placement& placement, const Fleet& fleet) {
  std::string text;
  for (const NodeShare& share : placement.shares) {
    const auto node = fleet.find(share.node);
    const std::string name = node ? fleet.name(*node) : share.node.str();
    if (text.find(name) == std::string::npos) text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

/// What a node lacks for the member, in words.
std::string obstacle(const Fleet& fleet, NodeIndex node, const Request& request) {
  const Pool& pool = fleet.pool();
  std::string text;
  const auto add = [&](const std::string& lack) { text += (text.empty() ? "" : "; ") + lack; };
  const DeviceSet wanted = devices_of(pool, node, request.models) & pool.in_service(node);
  const int all = std::popcount(wanted);
  int free = 0;
  for (DeviceSet left = wanted; left != 0; left &= left - 1) {
    const int i = std::countr_zero(left);
    if (request.is_share()
            ? pool.device_shareable(node, i) && pool.idle_milli(node, i) >= request.gpu_milli &&
                  pool.idle_memory_mib(node, i) >= request.gpu_memory_mib
            : (pool.free_devices(node) >> i & 1) != 0 &&
                  pool.device_memory_mib(node, i) >= request.gpu_memory_mib)
      ++free;
  }
  if (all < request.gpus)
    add(fmt::format("it has {} GPU{} of that kind", all, all == 1 ? "" : "s"));
  else if (free < request.gpus)
    add(fmt::format("{} of {} GPUs free", free, all));
  if ((request.needs & ~pool.abilities(node)) != 0)
    add((pool.abilities(node) & kRunsImages) == 0 ? "it has no container engine that answers"
                                                  : "its container engine cannot build images");
  if (pool.cpu_free_milli(node) < request.cpu_milli)
    add(fmt::format("{} of {} processors free", pool.cpu_free_milli(node) / 1000,
                    pool.cpu_milli(node) / 1000));
  if (pool.memory_free_mib(node) < request.memory_mib)
    add(fmt::format("{} of {} memory free", format_bytes(pool.memory_free_mib(node) << 20),
                    format_bytes(pool.memory_mib(node) << 20)));
  return text.empty() ? "its free GPUs do not go together" : text;
}

std::vector<Candidate> candidates(State& state, const Job& job) {
  const Request& member = state.signatures.members(job.signature, state.fleet).front();
  const auto delays = state.locality.delays(state.fleet, job.spec);
  std::vector<Candidate> found;
  if (!is_valid(member)) return found;
  for (const Choice& choice :
       state.placer.candidates(state.fleet.pool(), member, kMostCandidates, delays))
    found.push_back({state.fleet.offer(choice.grant.node).id, state.fleet.name(choice.grant.node),
                     true, "", choice.terms});
  // Then those that lack least.
  std::vector<std::tuple<bool, int, std::size_t>> others;
  const Pool& pool = state.fleet.pool();
  for (std::size_t i = 0; i < state.fleet.size(); ++i) {
    const auto node = static_cast<NodeIndex>(i);
    if (!pool.fits(node, member))
      others.emplace_back(!pool.could_fit(node, member), -pool.free_gpus(node), i);
  }
  const std::size_t room = kMostCandidates - std::min(kMostCandidates, found.size());
  const std::size_t count = std::min(room, others.size());
  std::partial_sort(others.begin(), others.begin() + static_cast<std::ptrdiff_t>(count),
                    others.end());
  for (std::size_t i = 0; i < count; ++i) {
    const auto node = static_cast<NodeIndex>(std::get<2>(others[i]));
    found.push_back({state.fleet.offer(node).id,
                     state.fleet.name(node),
                     false,
                     obstacle(state.fleet, node, member),
                     {}});
  }
  return found;
}

}  // namespace

Explanation Scheduler::why(const JobId& id, WallTime now) const {
  State& state = *state_;
  state.settle();
  const auto index = state.jobs.find(id);
  Explanation answer;
  if (!index) {
    answer.summary = "it is not in the queue";
    return answer;
  }
  const Job& job = state.jobs[*index];
  answer.lines.push_back("it asks for " + describe_request(job.spec.resources));
  if (job.placed) {
    answer.summary = "it has its place on " + node_list(job.placement, state.fleet);
    if (job.stopping) answer.summary += ", and is being stopped to make room";
    if (job.protected_)
      answer.lines.push_back("it runs on cells that team " + job.spec.team +
                             " is guaranteed: no other job can displace it");
    else if (state.guarantees.any())
      answer.lines.push_back(
          "it runs on GPUs that are idle at the moment: a job of a team that is guaranteed them "
          "may displace it");
    return answer;
  }
  const Guide how = guide(job.spec, now);
  answer.summary = how.reason;
  answer.start = how.start;
  if (!state.fleet.empty()) {
    state.refresh_mix();
    answer.candidates = candidates(state, job);
  }
  if (how.binding == Binding::quota)
    answer.lines.push_back("it starts when enough of that user's own jobs have ended");
  if (!job.entitled && how.binding != Binding::not_before && how.binding != Binding::quota) {
    answer.jobs_ahead = state.queue.ahead(job);
    answer.lines.push_back(*answer.jobs_ahead == 0
                               ? std::string("it is the first of its class in the queue")
                               : fmt::format("{} job{} accepted before it in its class or above",
                                             *answer.jobs_ahead,
                                             *answer.jobs_ahead == 1 ? " was" : "s were"));
    if (state.shares.count() > 1)
      answer.lines.push_back(fmt::format(
          "team {} has used {:.1f} GPU-hours of late at weight {:g}; the team that has used least "
          "for its weight goes first",
          job.spec.team, state.shares.usage(job.team, now) / 3600, state.shares.weight(job.team)));
  }
  if (job.entitled)
    answer.lines.push_back("it is guaranteed its GPUs: borrowed ones are being freed for it");
  return answer;
}

}  // namespace galley::scheduler
