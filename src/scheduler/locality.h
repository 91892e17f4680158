#pragma once

#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "fleet.h"

namespace galley::scheduler {

/// What lies on which node's disk, how fast each node fetches and how long images took to build:
/// from these, the seconds until a job could begin there. An image that nobody has built yet is
/// taken to need as long as the last one. Rates are learnt from transfers, each weighed by its
/// bytes, the newest most; a node without one is taken to be as fast as the others, or kUsualRate.
class Locality {
 public:
  static constexpr double kUsualRate = 100e6;  // bytes a second: a gigabit line
  static constexpr double kUsualBuild = 60;    // seconds

  void set_contents(const NodeId& node, std::vector<std::string> names);
  void add_content(const NodeId& node, const std::string& name);
  /// Sizes and build times of what a job asks for win over what it was told with.
  void measure(const Content& content, Millis built);
  void see_transfer(const NodeId& node, std::int64_t bytes, Millis took);

  double bytes_per_s(const NodeId& node) const;
  double delay_s(const NodeId& node, const QueuedJob& job) const;
  /// By NodeIndex; empty when the job needs nothing. O(nodes x contents).
  std::vector<float> delays(const Fleet& fleet, const QueuedJob& job) const;

 private:
  struct Rate {
    double bytes = 0;
    double seconds = 0;
    void add(double more_bytes, double more_seconds);
  };
  std::unordered_map<NodeId, std::set<std::string>> contents_;
  std::unordered_map<NodeId, Rate> rates_;
  Rate all_;
  struct Measured {
    std::int64_t bytes = 0;
    double build_s = 0;
  };
  std::unordered_map<std::string, Measured> measured_;
  double last_build_s_ = kUsualBuild;
};

}  // namespace galley::scheduler
