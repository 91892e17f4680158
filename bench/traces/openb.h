#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galley::bench {

struct TraceNode {
  std::string name;
  std::int64_t cpu_milli = 0;
  std::int64_t memory_mib = 0;
  int gpus = 0;
  std::string model;  // of all of them; empty without GPUs
};

struct TraceTask {
  std::string name;
  std::int64_t cpu_milli = 0;
  std::int64_t memory_mib = 0;
  int gpus = 0;
  int gpu_milli = 0;                // of each GPU; below 1000 for a share of one; 0 without GPUs
  std::vector<std::string> models;  // allowed, sorted; empty: any
};

/// A cluster and what was asked of it, in the form of Alibaba's cluster-trace-gpu-v2023 ("openb").
struct OpenbTrace {
  std::vector<TraceNode> nodes;
  std::vector<TraceTask> tasks;
};

/// Reads DIR/openb_node_list_gpu_node.csv and DIR/openb_pod_list_WORKLOAD.csv. The lists of tasks
/// may lack all columns but the first five.
/// Errors: not_found (the hint lists the workloads of the folder); invalid_argument naming file,
/// line and field: no row is skipped or repaired.
Result<OpenbTrace> read_openb(const std::filesystem::path& folder, std::string_view workload);

/// The two lists from their bytes; `file` is for errors.
Result<std::vector<TraceNode>> parse_openb_nodes(std::string_view file, std::string_view bytes);
Result<std::vector<TraceTask>> parse_openb_tasks(std::string_view file, std::string_view bytes);

}  // namespace galley::bench
