#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "traces/arrivals.h"
#include "traces/openb.h"

namespace galley::bench {

/// The policies that placement is measured against, each as its authors describe it (Weng et al.,
/// "Beware of Fragmentation", USENIX ATC 2023, and its simulator), written anew and apart from
/// Galley's own placement so that neither can hide a mistake of the other.
enum class Reference {
  random,   // any node that fits, any GPU that fits
  bestfit,  // the node with the least left of processors and GPUs after it, as shares of the
            // largest
  packing,  // a GPU in use, then a node in use, then an empty node; fullest first
  dotprod,  // the node whose free resources match the request's direction least
  fgd,      // the node whose fragmentation grows least
};
inline constexpr Reference kReferences[] = {Reference::random, Reference::bestfit,
                                            Reference::packing, Reference::dotprod, Reference::fgd};
std::string_view to_string(Reference policy);

/// A kind of task by what decides where it fits, and its share among all tasks.
struct TaskClass {
  std::int64_t cpu_milli = 0;
  int gpus = 0;
  int gpu_milli = 0;
  std::vector<std::string> models;
  double share = 0;
};

/// The most frequent classes that together make up `cut` of the tasks, shares scaled to add up to
/// 1. Memory is left out, as in the paper. Ties in frequency go to the class seen first.
std::vector<TaskClass> typical_classes(std::span<const TraceTask> tasks, double cut = 0.95);

/// A cluster under one reference policy. Nodes are tried in their order, and equal scores go to the
/// first. A task is placed or dropped, and never moves.
class ReferenceFleet {
 public:
  ReferenceFleet(const OpenbTrace& trace, std::span<const TaskClass> mix, Reference policy,
                 std::uint64_t seed);
  /// Places the task of that number, or answers false and changes nothing.
  bool place(std::uint32_t task);

 private:
  struct Node {
    std::int64_t cpu_milli = 0;
    std::int64_t memory_mib = 0;
    int model = -1;
    std::vector<int> milli;     // left of each GPU
    std::uint32_t version = 0;  // how many tasks it has taken
    double fragmentation = 0;
  };
  struct Kind {  // what distinguishes tasks for a policy
    std::int64_t cpu_milli = 0;
    std::int64_t memory_mib = 0;
    int gpus = 0;
    int gpu_milli = 0;
    std::vector<bool> allows;  // by model
    bool operator==(const Kind&) const = default;
  };
  struct MixClass {
    std::int64_t cpu_milli = 0;
    int gpus = 0;
    int gpu_milli = 0;
    std::vector<bool> allows;
    double share = 0;
  };
  struct Score {
    std::uint32_t version = UINT32_MAX;  // of the node that it was computed for
    int gpu = -1;                        // of a share
    double value = 0;                    // the lowest wins; infinite: does not fit
  };

  std::vector<bool> allowed(std::span<const std::string> models) const;
  static bool fits(const Node& node, const Kind& kind);
  Score score(const Node& node, const Kind& kind);
  Score fgd_score(const Node& node, const Kind& kind) const;
  double fragmentation(const Node& node) const;
  static void take(Node& node, const Kind& kind, int gpu);

  Reference policy_;
  Random random_;
  std::vector<std::string> models_;
  std::vector<Node> nodes_;
  std::vector<Kind> kinds_;
  std::vector<std::uint32_t> kind_of_;  // by task
  std::vector<MixClass> mix_;
  std::vector<std::vector<Score>> scores_;  // by kind and node; a node's change outdates its own
  double most_cpu_milli_ = 1;
  double most_gpus_ = 1;
};

}  // namespace galley::bench
