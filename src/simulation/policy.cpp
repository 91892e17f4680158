#include "simulation/policy.h"

#include <fmt/format.h>

#include <array>

#include "base/text.h"
#include "policies.h"

namespace galley::simulation {
namespace {

using Make = std::unique_ptr<Policy> (*)(const Workload& workload, const PolicyOptions& options);

struct Entry {
  PolicyKind kind;
  Make make;
};

constexpr double kNoisySigma = 1;

const std::array kPolicies{
    Entry{{"galley", "Galley's own scheduler; runtimes are learnt from jobs that have ended"},
          [](const Workload& workload, const PolicyOptions& options) {
            return make_galley(workload, options);
          }},
    Entry{{"galley-noisy", "the same, told runtimes that are off by exp(N(0, 1))"},
          [](const Workload& workload, const PolicyOptions& options) {
            return make_galley(workload, options, kNoisySigma);
          }},
    Entry{{"fifo", "in order; the first that does not fit holds up all"},
          [](const Workload& workload, const PolicyOptions&) {
            return make_ordered(workload, {.skip = false});
          }},
    Entry{{"fifo-skip", "in order; what does not fit is passed by"},
          [](const Workload& workload, const PolicyOptions&) {
            return make_ordered(workload, {.skip = true});
          }},
    Entry{{"easy-exact", "EASY backfill that knows every runtime exactly"},
          [](const Workload& workload, const PolicyOptions&) { return make_easy(workload, {}); }},
    Entry{{"easy-noisy", "EASY backfill with runtimes off by exp(N(0, 1))"},
          [](const Workload& workload, const PolicyOptions& options) {
            return make_easy(workload, {.error_sigma = kNoisySigma, .seed = options.seed});
          }},
    Entry{{"sjf-exact", "shortest first, knowing every runtime exactly"},
          [](const Workload& workload, const PolicyOptions&) {
            return make_ordered(workload, {.skip = true, .shortest_first = true});
          }},
    Entry{{"sjf-noisy",
           "shortest first by runtimes off by exp(N(0, 1)); what does not fit is passed by"},
          [](const Workload& workload, const PolicyOptions& options) {
            return make_ordered(workload, {.skip = true,
                                           .shortest_first = true,
                                           .error_sigma = kNoisySigma,
                                           .seed = options.seed});
          }},
    Entry{{"las2d", "least attained GPU time first (Tiresias), preemption loses nothing"},
          [](const Workload& workload, const PolicyOptions&) { return make_las(workload); }},
    Entry{{"quota-bestfit", "a quota of GPUs for each team, fullest node first"},
          [](const Workload& workload, const PolicyOptions&) {
            return make_quota(workload, Fit::best);
          }},
    Entry{{"quota-packing", "a quota of GPUs for each team, first node in use"},
          [](const Workload& workload, const PolicyOptions&) {
            return make_quota(workload, Fit::packing);
          }},
};

const auto& kinds() {
  static const auto all = [] {
    std::array<PolicyKind, kPolicies.size()> list;
    for (std::size_t i = 0; i < list.size(); ++i) list[i] = kPolicies[i].kind;
    return list;
  }();
  return all;
}

}  // namespace

std::span<const PolicyKind> policy_kinds() { return kinds(); }

Result<std::unique_ptr<Policy>> make_policy(std::string_view name, const Workload& workload,
                                            const PolicyOptions& options) {
  std::vector<std::string> names;
  for (const Entry& entry : kPolicies) {
    if (entry.kind.name == name) return entry.make(workload, options);
    names.emplace_back(entry.kind.name);
  }
  const std::string meant = nearest(name, names);
  return Error{Errc::invalid_argument, fmt::format("there is no policy '{}'", name), "policy",
               fmt::format("one of {}", fmt::join(names, ", ")),
               meant.empty() ? "" : "did you mean " + meant + "?"};
}

}  // namespace galley::simulation
