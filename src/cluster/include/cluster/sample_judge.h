#pragma once

#include <map>
#include <string>
#include <vector>

#include "cluster/health.h"
#include "protocol/samples.h"

namespace galley::cluster {

struct JudgeLimits {
  std::int64_t corrected_errors_per_look = 100;
  std::int64_t nvlink_errors_per_look = 1'000;
  /// Values that the driver failed to read, of one GPU in one look: fewer are a sensor's whim.
  std::int64_t unreadable_fields = 3;
  std::int64_t double_bit_pages = 60;  // NVIDIA exchanges a GPU that has retired as many
};

/// Turns what agents sample into evidence, by comparing each sample with the one before: counters
/// that were high when a GPU was first seen are history. Remembers one sample for each GPU. Pure;
/// not thread-safe. O(GPUs of the node) for a sample.
class SampleJudge {
 public:
  explicit SampleJudge(JudgeLimits limits = {}) : limits_(limits) {}

  /// GPUs that the node is known to have, before its first sample.
  void expect(const NodeId& node, const std::vector<std::string>& gpus);
  /// `given`: the node's GPUs that jobs hold; a process that belongs to none of them is noted
  /// there.
  std::vector<HealthEvent> judge(const protocol::NodeSample& sample,
                                 const std::vector<std::string>& given = {});
  void forget(const NodeId& node) { nodes_.erase(node); }

 private:
  struct Node {
    std::map<std::string, protocol::GpuSample> gpus;
    std::map<std::string, std::int64_t> most_links;
    std::map<std::string, std::int64_t> strangers;  // pid of the last one noted on each GPU
  };
  void judge_gpu(const Subject& subject, const protocol::GpuSample& before,
                 const protocol::GpuSample& now, Node& node, std::vector<Evidence>& found) const;

  const JudgeLimits limits_;
  std::map<NodeId, Node> nodes_;
};

}  // namespace galley::cluster
