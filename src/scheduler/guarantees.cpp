#include "guarantees.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <tuple>

namespace galley::scheduler {

int Guarantees::chain(const std::string& words) {
  const auto found = std::ranges::find(chains_, words);
  if (found != chains_.end()) return static_cast<int>(found - chains_.begin());
  chains_.push_back(words);
  return static_cast<int>(chains_.size()) - 1;
}

bool Guarantees::set_team(std::size_t team, const std::vector<Guarantee>& wanted,
                          const Fleet& fleet) {
  std::vector<VirtualCell> cells;
  for (const Guarantee& guarantee : wanted) {
    // The processors and memory that go with a cell: its part of the poorest node that has one.
    const auto models = fleet.models(guarantee.gpu_type);
    VirtualCell cell{chain(guarantee.gpu_type), static_cast<int>(guarantee.gpus), 0, 0};
    bool known = false;
    for (std::size_t i = 0; i < fleet.size(); ++i) {
      const auto node = static_cast<NodeIndex>(i);
      const int gpus = fleet.pool().gpu_count(node);
      if (gpus < cell.gpus || (devices_of(fleet.pool(), node, models) & 1) == 0) continue;
      const std::int64_t cpu = fleet.pool().cpu_milli(node) * cell.gpus / gpus;
      const std::int64_t memory = fleet.pool().memory_mib(node) * cell.gpus / gpus;
      cell.cpu_milli = known ? std::min(cell.cpu_milli, cpu) : cpu;
      cell.memory_mib = known ? std::min(cell.memory_mib, memory) : memory;
      known = true;
    }
    for (std::int64_t i = 0; i < guarantee.count; ++i) cells.push_back(cell);
  }
  const auto found = clusters_.find(team);
  if (cells.empty()) {
    const bool had = clusters_.erase(team) > 0;
    recount();
    return had;
  }
  if (found != clusters_.end() && found->second.virtual_cluster.cells() == cells) return false;
  TeamCells fresh{VirtualCluster(cells), {}, {}};
  fresh.bound.resize(cells.size());
  fresh.broken.resize(cells.size());
  clusters_.insert_or_assign(team, std::move(fresh));
  recount();
  return true;
}

bool Guarantees::any_lost() const {
  return std::ranges::any_of(clusters_,
                             [&](const auto& entry) { return lost_cells(entry.first) > 0; });
}

bool Guarantees::has_cells(std::size_t team) const { return clusters_.contains(team); }

VirtualCluster* Guarantees::cluster(std::size_t team) {
  const auto found = clusters_.find(team);
  return found == clusters_.end() ? nullptr : &found->second.virtual_cluster;
}
const VirtualCluster* Guarantees::cluster(std::size_t team) const {
  const auto found = clusters_.find(team);
  return found == clusters_.end() ? nullptr : &found->second.virtual_cluster;
}

std::vector<VirtualMember> Guarantees::members(const std::vector<Request>& members,
                                               const Fleet& fleet) const {
  std::vector<VirtualMember> result;
  for (const Request& request : members) {
    // A share of a GPU takes a whole one of the private cluster: simple, and never too little.
    VirtualMember member{{}, request.gpus, request.cpu_milli, request.memory_mib};
    if (!request.models.empty()) {
      for (std::size_t i = 0; i < chains_.size(); ++i) {
        const auto models = fleet.models(chains_[i]);
        if (!models.empty() && std::ranges::includes(request.models, models))
          member.chains.push_back(static_cast<int>(i));
      }
      if (member.chains.empty()) member.chains.push_back(-1);
    }
    result.push_back(std::move(member));
  }
  return result;
}

const std::optional<PhysicalCell>& Guarantees::bound(std::size_t team, std::size_t cell) const {
  return clusters_.at(team).bound.at(cell);
}
void Guarantees::bind(std::size_t team, std::size_t cell, PhysicalCell where) {
  bound_on_[where.node] |= where.devices;
  clusters_.at(team).bound.at(cell) = std::move(where);
}

void Guarantees::recount() {
  bound_on_.clear();
  for (const auto& [team, one] : clusters_)
    for (const auto& cell : one.bound)
      if (cell) bound_on_[cell->node] |= cell->devices;
}

DeviceSet Guarantees::bound_devices(NodeIndex node) const {
  const auto found = bound_on_.find(node);
  return found == bound_on_.end() ? 0 : found->second;
}

DeviceSet Guarantees::taken(NodeIndex node) const {
  DeviceSet devices = bound_devices(node);
  if (const auto found = loose_.find(node); found != loose_.end())
    for (const auto& [job, held] : found->second) devices |= held;
  return devices;
}

std::vector<PhysicalCell> Guarantees::choices(std::size_t team, std::size_t cell,
                                              const Fleet& fleet) const {
  const VirtualCell& wanted = clusters_.at(team).virtual_cluster.cells().at(cell);
  const auto models = fleet.models(words(wanted));
  const Pool& pool = fleet.pool();
  std::vector<PhysicalCell> found;
  for (std::size_t i = 0; i < fleet.size(); ++i) {
    const auto node = static_cast<NodeIndex>(i);
    if (!pool.is_open(node) || pool.gpu_count(node) < wanted.gpus) continue;
    const DeviceSet away = taken(node) | ~pool.in_service(node) | ~devices_of(pool, node, models);
    for (const DeviceSet set : pool.cells(node))
      if (std::popcount(set) == wanted.gpus && (set & away) == 0)
        found.push_back({fleet.offer(node).id, node, set});
  }
  return found;
}

/// Packs every unbound cell, largest first, into what is not taken; answers those left over.
std::vector<std::pair<std::size_t, std::size_t>> Guarantees::unbindable(const Fleet& fleet) const {
  struct Want {
    int gpus;
    bool any_model;
    bool broken;
    std::size_t team;
    std::size_t cell;
  };
  std::vector<Want> wants;
  for (const auto& [team, one] : clusters_)
    for (std::size_t i = 0; i < one.bound.size(); ++i)
      if (!one.bound[i])
        wants.push_back({one.virtual_cluster.cells()[i].gpus,
                         words(one.virtual_cluster.cells()[i]).empty(), one.broken[i], team, i});
  std::ranges::stable_sort(wants, [](const Want& a, const Want& b) {
    return std::tuple(-a.gpus, a.any_model, a.broken) < std::tuple(-b.gpus, b.any_model, b.broken);
  });
  const Pool& pool = fleet.pool();
  // Cells of any model go last to the nodes of models that somebody asks for by name.
  std::vector<ModelIndex> named;
  for (const std::string& chain : chains_)
    if (!chain.empty()) std::ranges::copy(fleet.models(chain), std::back_inserter(named));
  std::vector<NodeIndex> nodes;
  for (std::size_t i = 0; i < fleet.size(); ++i) nodes.push_back(static_cast<NodeIndex>(i));
  std::ranges::stable_partition(nodes, [&](NodeIndex node) {
    return pool.gpu_count(node) > 0 &&
           std::ranges::find(named, pool.device_model(node, 0)) == named.end();
  });
  std::vector<DeviceSet> away;
  for (const NodeIndex node : nodes)
    away.push_back(pool.is_open(node) ? taken(node) | ~pool.in_service(node) : ~DeviceSet{0});
  std::vector<std::pair<std::size_t, std::size_t>> left_over;
  std::map<std::pair<int, int>, std::size_t> begin;  // nodes before it have no room for such a cell
  for (const Want& want : wants) {
    const VirtualCell& cell = clusters_.at(want.team).virtual_cluster.cells()[want.cell];
    const auto models = fleet.models(words(cell));
    bool placed = false;
    for (std::size_t& i = begin[{cell.chain, cell.gpus}]; i < away.size() && !placed;) {
      const NodeIndex node = nodes[i];
      const DeviceSet not_for_it = away[i] | ~devices_of(pool, node, models);
      for (const DeviceSet set : pool.cells(node)) {
        if (std::popcount(set) != cell.gpus || (set & not_for_it) != 0) continue;
        away[i] |= set;
        placed = true;
        break;
      }
      if (!placed) ++i;
    }
    if (!placed) left_over.emplace_back(want.team, want.cell);
  }
  return left_over;
}

const std::string& Guarantees::words(const VirtualCell& cell) const {
  return chains_[static_cast<std::size_t>(cell.chain)];
}

std::int64_t Guarantees::lost_cells(std::size_t team) const {
  const VirtualCluster* one = cluster(team);
  std::int64_t lost = 0;
  for (std::size_t i = 0; one != nullptr && i < one->cells().size(); ++i)
    if (one->is_lost(i)) ++lost;
  return lost;
}

bool Guarantees::try_bind(std::size_t team, std::size_t cell, PhysicalCell where,
                          const Fleet& fleet) {
  bind(team, cell, std::move(where));
  if (could_bind_all(fleet)) return true;
  clusters_.at(team).bound.at(cell).reset();
  recount();
  return false;
}

bool Guarantees::could_bind_all(const Fleet& fleet) const {
  std::size_t lost = 0;
  for (const auto& [team, one] : clusters_)
    for (std::size_t i = 0; i < one.bound.size(); ++i)
      if (!one.bound[i] && one.virtual_cluster.is_lost(i)) ++lost;
  return unbindable(fleet).size() <= lost;
}

void Guarantees::fleet_changed(const Fleet& fleet, const Jobs& jobs,
                               const std::vector<std::vector<JobIndex>>& on_node) {
  std::map<NodeIndex, std::vector<std::pair<JobIndex, DeviceSet>>> loose;
  for (std::size_t i = 0; i < on_node.size(); ++i)
    for (const JobIndex index : on_node[i]) {
      if (!jobs[index].protected_) continue;
      for (const Held& held : jobs[index].held)
        if (held.grant.node == static_cast<NodeIndex>(i))
          loose[held.grant.node].emplace_back(index, held.grant.devices);
    }
  for (auto& [team, one] : clusters_)
    for (std::size_t i = 0; i < one.bound.size(); ++i) {
      if (!one.bound[i]) continue;
      PhysicalCell& cell = *one.bound[i];
      const auto node = fleet.find(cell.node_id);
      const bool whole = node && fleet.pool().is_open(*node) &&
                         (cell.devices & ~fleet.pool().in_service(*node)) == 0;
      if (whole) {
        cell.node = *node;
        continue;
      }
      one.bound[i].reset();
      one.broken[i] = true;
    }
  recount();
  // A protected job in a bound cell is not loose; one whose cell has broken is.
  loose_.clear();
  for (const auto& [node, held] : loose) {
    const DeviceSet bound = bound_devices(node);
    for (const auto& [job, devices] : held)
      if ((devices & ~bound) != 0) loose_[node].emplace_back(job, devices & ~bound);
  }
  for (auto& [team, one] : clusters_)
    for (std::size_t i = 0; i < one.bound.size(); ++i) one.virtual_cluster.set_lost(i, false);
  auto lost = unbindable(fleet);
  if (!lost.empty()) {
    // Cells that nobody runs in yet can still be bound elsewhere.
    for (const auto& [team, one] : clusters_) unbind_idle(team, jobs, on_node);
    lost = unbindable(fleet);
  }
  for (const auto& [team, cell] : lost) clusters_.at(team).virtual_cluster.set_lost(cell, true);
  for (auto& [team, one] : clusters_)
    for (std::size_t i = 0; i < one.bound.size(); ++i)
      if (!one.virtual_cluster.is_lost(i)) one.broken[i] = false;
}

bool Guarantees::protect(Job& job, JobIndex index, const Fleet& fleet) {
  TeamCells& one = clusters_.at(job.team);
  const VirtualCluster::Running* running = one.virtual_cluster.running(job.spec.seq);
  const auto bound_before = one.bound;
  const auto loose_before = loose_;
  const auto undo = [&] {
    one.bound = bound_before;
    loose_ = loose_before;
    recount();
    return false;
  };
  bool slack_matters = false;
  for (std::size_t i = 0; i < job.held.size(); ++i) {
    const Grant& grant = job.held[i].grant;
    auto& bound = one.bound[running->cells[std::min(i, running->cells.size() - 1)]];
    if (bound) {
      if (bound->node == grant.node && (grant.devices & ~bound->devices) == 0) continue;
    } else {
      const std::size_t cell = running->cells[i];
      for (PhysicalCell& choice : choices(job.team, cell, fleet))
        if (choice.node == grant.node && (grant.devices & ~choice.devices) == 0) {
          bind(job.team, cell, std::move(choice));
          break;
        }
      if (bound) {
        // It may split what another team's larger cell needs, or take what only one model gives.
        slack_matters = true;
        continue;
      }
    }
    if ((taken(grant.node) & grant.devices) != 0) return undo();
    loose_[grant.node].emplace_back(index, grant.devices);
    slack_matters = true;
  }
  if (slack_matters && !could_bind_all(fleet)) return undo();
  job.protected_ = true;
  return true;
}

void Guarantees::released(JobIndex index, const Job& job, const Jobs& jobs,
                          const std::vector<std::vector<JobIndex>>& on_node) {
  for (auto node = loose_.begin(); node != loose_.end();) {
    std::erase_if(node->second, [&](const auto& held) { return held.first == index; });
    node = node->second.empty() ? loose_.erase(node) : std::next(node);
  }
  const auto found = clusters_.find(job.team);
  if (found == clusters_.end()) return;
  for (auto& bound : found->second.bound) {
    if (!bound) continue;
    const bool was_here = std::ranges::any_of(job.held, [&](const Held& held) {
      return held.grant.node == bound->node && (held.grant.devices & bound->devices) != 0;
    });
    if (!was_here) continue;
    if (!is_used(*bound, index, jobs, on_node)) bound.reset();
  }
  recount();
}

bool Guarantees::is_used(const PhysicalCell& cell, std::optional<JobIndex> without,
                         const Jobs& jobs, const std::vector<std::vector<JobIndex>>& on_node) {
  for (const JobIndex index : on_node[static_cast<std::size_t>(cell.node)])
    if (index != without && jobs[index].protected_)
      for (const Held& held : jobs[index].held)
        if (held.grant.node == cell.node && (held.grant.devices & cell.devices) != 0) return true;
  return false;
}

void Guarantees::unbind_idle(std::size_t team, const Jobs& jobs,
                             const std::vector<std::vector<JobIndex>>& on_node) {
  const auto found = clusters_.find(team);
  if (found == clusters_.end()) return;
  for (auto& bound : found->second.bound)
    if (bound && !is_used(*bound, std::nullopt, jobs, on_node)) bound.reset();
  recount();
}

}  // namespace galley::scheduler
