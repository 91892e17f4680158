// What the shell of the controller knows of machines.
#include <algorithm>

#include "base/log.h"
#include "controller_impl.h"

namespace galley::controller {
namespace {

// Below the kernel's range for outgoing connections, so that those do not take them.
constexpr std::uint64_t kFirstPort = 20'000;
constexpr std::uint64_t kPorts = 12'000;

/// Spreads attempts over the ports (FNV-1a): two gangs on one node must not meet.
std::int64_t port_of_attempt(const AttemptId& attempt) {
  std::uint64_t hash = 14'695'981'039'346'656'037U;
  for (const char c : attempt.str())
    hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211U;
  return static_cast<std::int64_t>(kFirstPort + hash % kPorts);
}

}  // namespace

void Controller::Impl::set_meeting(protocol::Assignment& assignment) const {
  assignment.master_port = port_of_attempt(assignment.attempt_id);
  if (assignment.node_ids.empty()) return;
  const std::lock_guard lock(nodes_mutex);
  const auto first = nodes.find(assignment.node_ids.front());
  if (first == nodes.end()) return;
  const protocol::NodeRecord& node = first->second;
  assignment.master_address = node.address.empty() ? node.name : node.address;
}

/// A GPU may move from a machine that is down; while its node is up it is nobody else's.
Status Controller::Impl::take_devices_locked(const protocol::NodeRecord& node) {
  for (const protocol::DeviceRecord& device : node.devices) {
    const auto owner = device_nodes.find(device.id);
    if (owner == device_nodes.end() || owner->second == node.id) continue;
    const auto other = nodes.find(owner->second);
    if (other == nodes.end() || other->second.state != "up") continue;
    if (std::ranges::find(other->second.devices, device.id, &protocol::DeviceRecord::id) ==
        other->second.devices.end())
      continue;
    return Error{Errc::conflict,
                 "GPU " + device.id + " is offered by node '" + other->second.name + "' already",
                 "node.devices",
                 {},
                 "one agent alone may offer a machine's GPUs"};
  }
  for (const protocol::DeviceRecord& device : node.devices) device_nodes[device.id] = node.id;
  return ok();
}

Status Controller::Impl::check_door(const protocol::JobSpec& spec) const {
  if (spec.executor == protocol::Executor::native) return ok();
  const std::lock_guard lock(nodes_mutex);
  for (const auto& [id, node] : nodes)
    if (node.executor == spec.executor) return ok();
  return Error{Errc::unsupported, "no node of this installation hands jobs to Slurm", "executor",
               "native",
               "start `galley up --slurm PARTITION`, or `galley agent --slurm PARTITION`, where "
               "sbatch works"};
}

void Controller::Impl::learn_contents(const protocol::NodeRecord& node,
                                      const protocol::NodeRecord* before) {
  if (!node.contents || (before != nullptr && before->contents == node.contents)) return;
  scheduler::ContentsSeen seen{node.id, {}};
  for (const protocol::ContentRecord& content : *node.contents) {
    seen.names.push_back(content.name);
    const bool known = before != nullptr && before->contents &&
                       std::ranges::find(*before->contents, content) != before->contents->end();
    if (known) continue;
    post(Learnt{scheduler::ContentMeasured{{content.name, content.bytes},
                                           content.built.value_or(Millis{0})}});
    if (content.fetched)
      post(Learnt{scheduler::TransferSeen{node.id, content.bytes, *content.fetched}});
  }
  post(Learnt{std::move(seen)});
}

bool Controller::Impl::tells_contents(const NodeId& node) const {
  const std::lock_guard lock(nodes_mutex);
  const auto found = nodes.find(node);
  return found != nodes.end() && found->second.contents.has_value();
}

std::optional<protocol::NodeRecord> Controller::Impl::detach(const NodeId& node, bool keep_listed) {
  const std::lock_guard lock(nodes_mutex);
  ports.erase(node);
  const auto found = nodes.find(node);
  if (found == nodes.end()) return std::nullopt;
  found->second.state = "down";
  found->second.notes = {"nothing is heard of it"};
  auto record = found->second;
  if (!keep_listed) nodes.erase(found);
  return record;
}

Status Controller::Impl::list_joined_nodes() {
  return database.read([this](store::Transaction& transaction) -> Status {
    GALLEY_TRY(
        const auto rows,
        transaction.query("select n.inventory from nodes n join agents a on a.node_id = n.id "
                          "order by n.id"));
    const std::lock_guard lock(nodes_mutex);
    for (const store::Row& row : rows) {
      auto json = parse_json(row.text(0));
      auto node =
          json ? protocol::parse_struct<protocol::NodeRecord>(*json, protocol::Unknown::ignore)
               : Result<protocol::NodeRecord>(json.error());
      if (!node) return std::move(node).error();
      node->state = "down";
      node->notes = {"it has not attached since this controller began"};
      const NodeId id = node->id;
      nodes[id] = *std::move(node);
    }
    return ok();
  });
}

}  // namespace galley::controller
