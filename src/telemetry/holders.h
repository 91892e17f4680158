#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "store/database.h"

namespace galley::telemetry {

/// A job that holds a GPU, or a part of it.
struct Holder {
  std::string job;
  std::string team;
  std::string user;
  double share = 1;  // of the GPU
};

/// Who holds which GPU now, by its UUID.
using Holders = std::map<std::string, std::vector<Holder>, std::less<>>;
Result<Holders> read_holders(store::Transaction& transaction);

struct Waiting {
  std::int64_t jobs = 0;
  std::int64_t oldest_ms = 0;  // when it was accepted
};
/// Jobs that wait, by team.
Result<std::map<std::string, Waiting>> read_waiting(store::Transaction& transaction);

/// How long jobs had waited that began to run in (after, until], in seconds.
Result<std::vector<double>> read_waits(store::Transaction& transaction, std::int64_t after_ms,
                                       std::int64_t until_ms);

/// Names of all nodes by id.
Result<std::map<std::string, std::string>> read_node_names(store::Transaction& transaction);

}  // namespace galley::telemetry
