#include "machines.h"

#include "text_match.h"

namespace galley::simulation {

Machines::Machines(const Cluster& cluster)
    : types_(std::make_shared<const std::vector<NodeType>>(cluster.node_types)) {
  for (std::uint32_t type = 0; type < types_->size(); ++type) {
    const NodeType& all = (*types_)[type];
    const auto gpus = static_cast<std::int32_t>(all.gpus);
    for (std::int64_t i = 0; i < all.count; ++i)
      nodes_.push_back({.free = gpus,
                        .gpus = gpus,
                        .type = type,
                        .cpus_free = all.cpus,
                        .memory_free_bytes = all.memory_bytes,
                        .cpus_bind = all.cpus > 0,
                        .memory_binds = all.memory_bytes > 0});
  }
  for (const Node& node : nodes_) total_ += node.gpus;
  free_ = total_;
}

bool Machines::suits(const Node& node, const Shape& shape) const {
  return contains_words((*types_)[node.type].gpu_model, shape.gpu_type);
}

bool Machines::fits(std::uint32_t index, const Shape& shape, std::int32_t gpus) const {
  const Node& node = nodes_[index];
  return node.free >= gpus && (!node.cpus_bind || node.cpus_free >= shape.cpus) &&
         (!node.memory_binds || node.memory_free_bytes >= shape.memory_bytes) &&
         (shape.gpu_type.empty() || suits(node, shape));
}

std::optional<Grant> Machines::place(const Shape& shape, Fit fit) const {
  return place_where(shape, fit, [](std::uint32_t, std::int32_t) { return true; });
}

bool Machines::take(const Shape& shape, const Grant& grant) {
  if (grant.size() != shape.members.size()) return false;
  for (std::size_t i = 0; i < grant.size(); ++i)
    if (grant[i].node >= nodes_.size() || grant[i].gpus != shape.members[i]) return false;
  std::size_t taken = 0;
  for (; taken < grant.size() && fits(grant[taken].node, shape, grant[taken].gpus); ++taken) {
    Node& node = nodes_[grant[taken].node];
    node.free -= grant[taken].gpus;
    node.cpus_free -= shape.cpus;
    node.memory_free_bytes -= shape.memory_bytes;
    ++node.running;
    free_ -= grant[taken].gpus;
  }
  if (taken == grant.size()) return true;
  give(shape, Grant(grant.begin(), grant.begin() + static_cast<std::ptrdiff_t>(taken)));
  return false;
}

void Machines::give(const Shape& shape, const Grant& grant) {
  for (const Share& share : grant) {
    Node& node = nodes_[share.node];
    node.free += share.gpus;
    node.cpus_free += shape.cpus;
    node.memory_free_bytes += shape.memory_bytes;
    --node.running;
    free_ += share.gpus;
  }
}

}  // namespace galley::simulation
