#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "simulation/cluster.h"
#include "simulation/simulate.h"
#include "simulation/trace.h"

namespace galley::simulation {

/// One way in which things could have been, replayed.
struct Scenario {
  std::string name;   // today, bought, ...
  std::string words;  // of the sentence: "raising the reservation depth to 256"
  bool costs_money = false;
  Metrics metrics;
};

struct WhatIf {
  std::vector<Scenario> scenarios;  // today, the purchase, then what costs nothing
  std::string answer;               // one sentence for whoever decides
};

/// The nodes of "add 4xH100x8". Errors: invalid_argument.
Result<Cluster> parse_change(std::string_view text);

/// Replays the history under Galley's own scheduler on today's cluster, with the added nodes, and
/// on today's cluster with settings that cost nothing: other reservation depths, guarantees by each
/// team's share of the history, half of every guarantee given back, and the longest jobs in the
/// idle class. Waits are compared by their 90th percentile.
/// Errors: those of prepare and simulate.
Result<WhatIf> what_if(const Trace& history, const Cluster& today, const Cluster& added,
                       const SimulateOptions& options);

Json to_json(const WhatIf& what_if, const std::vector<std::string>& teams);

}  // namespace galley::simulation
