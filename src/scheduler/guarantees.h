#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "jobs.h"
#include "scheduler/virtual_cluster.h"

namespace galley::scheduler {

/// A place in the fleet that a virtual cell is bound to while guaranteed jobs run in it.
struct PhysicalCell {
  NodeId node_id;
  NodeIndex node{};
  DeviceSet devices = 0;
};

/// The teams' private clusters, and where in the fleet their cells are at the moment. A virtual
/// cell is bound when its first guaranteed job starts, and free to be bound elsewhere when the last
/// has left. Always true: every unbound cell that is not lost could be bound now, by evicting
/// borrowed jobs alone (checked by could_bind_all before anything else is protected).
///
/// Buddy cells make that cheap: cells are aligned sets of devices, the smallest sufficient free one
/// is bound first, and so larger ones stay whole.
class Guarantees {
 public:
  /// Cells for the team's guarantees, as the fleet's nodes can give them. Answers true when the
  /// team's cells are other ones than before: then its jobs must be added again.
  bool set_team(std::size_t team, const std::vector<Guarantee>& wanted, const Fleet& fleet);
  bool has_cells(std::size_t team) const;
  bool any() const { return !clusters_.empty(); }
  bool any_lost() const;  // of the cells
  std::int64_t lost_cells(std::size_t team) const;
  VirtualCluster* cluster(std::size_t team);
  const VirtualCluster* cluster(std::size_t team) const;
  template <class Visit>
  void for_each(const Visit& visit) {
    for (auto& [team, one] : clusters_) visit(team, one.virtual_cluster);
  }

  std::vector<VirtualMember> members(const std::vector<Request>& members, const Fleet& fleet) const;

  /// Node numbers or devices in service have changed: forgets cells that are gone, and marks as
  /// lost what can no longer be bound, first those that lay where something broke.
  void fleet_changed(const Fleet& fleet, const Jobs& jobs,
                     const std::vector<std::vector<JobIndex>>& on_node);

  const std::optional<PhysicalCell>& bound(std::size_t team, std::size_t cell) const;
  /// Binds the cell unless another one could then no longer be bound.
  bool try_bind(std::size_t team, std::size_t cell, PhysicalCell where, const Fleet& fleet);
  /// The devices of all bound cells of a node.
  DeviceSet bound_devices(NodeIndex node) const;

  /// The guaranteed job may stay where it is: its cells are bound there, or what it holds is kept
  /// out of reach of the others' cells. Answers false when that would break another guarantee.
  bool protect(Job& job, JobIndex index, const Fleet& fleet);
  /// The protected job has left: its cells are unbound unless others run in them.
  void released(JobIndex index, const Job& job, const Jobs& jobs,
                const std::vector<std::vector<JobIndex>>& on_node);

  /// Unbinds the cells of the team that no job runs in: one that was to start there is gone.
  void unbind_idle(std::size_t team, const Jobs& jobs,
                   const std::vector<std::vector<JobIndex>>& on_node);

  /// Places where the cell could be bound now: aligned, of its size and chain, in service, free of
  /// bound cells and of protected jobs elsewhere.
  std::vector<PhysicalCell> choices(std::size_t team, std::size_t cell, const Fleet& fleet) const;

 private:
  struct TeamCells {
    VirtualCluster virtual_cluster;
    std::vector<std::optional<PhysicalCell>> bound;
    std::vector<bool> broken;  // lay where something broke
  };

  void bind(std::size_t team, std::size_t cell, PhysicalCell where);
  const std::string& words(const VirtualCell& cell) const;  // of the GPU's name; empty: any
  void recount();
  static bool is_used(const PhysicalCell& cell, std::optional<JobIndex> without, const Jobs& jobs,
                      const std::vector<std::vector<JobIndex>>& on_node);
  bool could_bind_all(const Fleet& fleet) const;
  std::vector<std::pair<std::size_t, std::size_t>> unbindable(const Fleet& fleet) const;
  int chain(const std::string& words);
  DeviceSet taken(NodeIndex node) const;  // bound, or held by a protected job outside bound cells

  std::map<std::size_t, TeamCells> clusters_;
  std::vector<std::string> chains_;          // words of gpu_type, by chain
  std::map<NodeIndex, DeviceSet> bound_on_;  // of all teams
  std::map<NodeIndex, std::vector<std::pair<JobIndex, DeviceSet>>> loose_;
};

}  // namespace galley::scheduler
