#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "scheduler/events.h"
#include "scheduler/pool.h"

namespace galley::scheduler {

/// What one member of a job holds.
struct Held {
  Request asked;
  Request request;  // what was taken: less than asked for when the node has shrunk since
  Grant grant;
};

/// The node's devices of these models, in service or not; all of them for no models.
DeviceSet devices_of(const Pool& pool, NodeIndex node, const std::vector<ModelIndex>& models);

/// The nodes as they were told, and the Pool that counts what is free on them. Node numbers follow
/// the ids, so that they do not depend on the order in which nodes came.
class Fleet {
 public:
  void set(NodeOffer offer);
  void remove(const NodeId& node);
  /// True when node numbers have changed: what jobs hold has to be taken anew, in the new Pool.
  /// Call before anything below; cheap when nothing changed.
  bool renumber();

  bool is_numbered() const { return !changed_; }
  bool empty() const { return offers_.empty(); }
  std::size_t size() const { return by_index_.size(); }
  int most_gpus_of_a_node() const { return most_gpus_of_a_node_; }
  const NodeOffer& offer(NodeIndex node) const {
    return *by_index_[static_cast<std::size_t>(node)];
  }
  const std::string& name(NodeIndex node) const;
  std::optional<NodeIndex> find(const NodeId& node) const;
  Pool& pool() { return pool_; }
  const Pool& pool() const { return pool_; }

  /// What each member of the job asks for, largest first. The models are those whose names contain
  /// the words of gpu_type; words that no model contains give a request that fits nowhere.
  std::vector<Request> members(const QueuedJob& job) const;
  /// GPU models that the words match (letters compare without case); all for no words.
  std::vector<ModelIndex> models(const std::string& words) const;
  const std::vector<std::string>& model_names() const { return model_names_; }

  Placement placement(const std::vector<Grant>& grants) const;
  /// Takes what the placement names, as far as it still exists. Shares on unknown nodes hold
  /// nothing.
  std::vector<Held> take(const QueuedJob& job, const Placement& placement);
  void take(Held& held);
  void give(const Held& held) { pool_.give(held.request, held.grant); }

 private:
  // Shared by copies: an offer is replaced, never changed.
  std::map<NodeId, std::shared_ptr<const NodeOffer>> offers_;
  std::vector<std::shared_ptr<const NodeOffer>> by_index_;
  std::unordered_map<NodeId, NodeIndex> index_of_;
  std::vector<std::string> model_names_;  // by ModelIndex
  Pool pool_;
  int most_gpus_of_a_node_ = 0;
  bool changed_ = true;
};

}  // namespace galley::scheduler
