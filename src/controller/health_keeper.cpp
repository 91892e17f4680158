#include "health_keeper.h"

#include <algorithm>

#include "health_rows.h"

namespace galley::controller {
namespace {

using cluster::Health;
using cluster::Subject;
using protocol::HealthRecord;

HealthRecord record_of(const protocol::NodeRecord& node, const Health* health, WallTime now) {
  HealthRecord record;
  record.node_id = node.id;
  record.node = node.name;
  if (health == nullptr) return record;
  record.state = health->state;
  record.reason = health->reason;
  record.evidence = health->evidence;
  record.owner = health->owner;
  if (health->since != WallTime{}) record.since = health->since;
  record.expires_at = health->expires_at;
  record.next_test_at = health->next_test_at;
  constexpr Millis kOneDay = std::chrono::hours(24);
  record.exclusions_24h =
      std::ranges::count_if(health->exclusions, [&](WallTime at) { return at + kOneDay > now; });
  record.quarantined = health->quarantined;
  record.held_by_cap = health->held.has_value();
  record.next = next_step(*health, now);
  record.notes = health->notes;
  record.last_note = health->last_note;
  return record;
}

}  // namespace

Status HealthKeeper::restore(store::Database& database) {
  GALLEY_TRY(auto stored, read_health(database));
  const std::lock_guard lock(mutex_);
  for (auto& [subject, health] : stored) core_.restore(subject, std::move(health));
  return ok();
}

void HealthKeeper::mark_locked(protocol::NodeRecord& node) const {
  node.accepts_jobs = !core_.is_drained(node.id);
  const Health* whole = core_.find({node.id});
  for (protocol::DeviceRecord& device : node.devices) {
    if (core_.may_give(node.id, device.id)) continue;
    const Health* own = core_.find({node.id, device.id});
    const Health& cause = own != nullptr && is_out(own->state) ? *own : *whole;
    device.state = "out_of_service";
    device.reason = std::string(protocol::word_of(cause.state)) + ": " + cause.evidence;
  }
}

void HealthKeeper::offer(protocol::NodeRecord& node) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> gpus;
  for (const auto& device : node.devices) gpus.push_back(device.id);
  if (!gpus.empty()) judge_.expect(node.id, gpus);
  offered_[node.id] = node;
  mark_locked(node);
}

std::optional<protocol::NodeRecord> HealthKeeper::offered(const NodeId& node) const {
  const std::lock_guard lock(mutex_);
  const auto found = offered_.find(node);
  if (found == offered_.end()) return std::nullopt;
  protocol::NodeRecord record = found->second;
  mark_locked(record);
  return record;
}

void HealthKeeper::forget(const NodeId& node) {
  const std::lock_guard lock(mutex_);
  core_.forget(node);
  judge_.forget(node);
  offered_.erase(node);
}

std::vector<cluster::HealthEvent> HealthKeeper::judge(const protocol::NodeSample& sample,
                                                      const std::vector<std::string>& given) {
  const std::lock_guard lock(mutex_);
  return judge_.judge(sample, given);
}

cluster::HealthOutcome HealthKeeper::apply(const cluster::HealthEvent& event, WallTime now) {
  const std::lock_guard lock(mutex_);
  return core_.apply(event, now);
}

bool HealthKeeper::has_trouble(const NodeId& node) const {
  const std::lock_guard lock(mutex_);
  const auto& all = core_.all();
  for (auto it = all.lower_bound({node}); it != all.end() && it->first.node == node; ++it)
    if (it->second.state != cluster::HealthState::ok) return true;
  return false;
}

std::vector<std::string> HealthKeeper::condemned(const NodeId& node) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> gpus;
  const auto& all = core_.all();
  for (auto it = all.lower_bound({node}); it != all.end() && it->first.node == node; ++it)
    if (!it->first.gpu.empty() && it->second.state == cluster::HealthState::excluded &&
        it->second.owner == cluster::kAutomatic)
      gpus.push_back(it->first.gpu);
  return gpus;
}

std::optional<WallTime> HealthKeeper::wake_at() const {
  const std::lock_guard lock(mutex_);
  return core_.wake_at();
}

std::optional<Health> HealthKeeper::find(const Subject& subject) const {
  const std::lock_guard lock(mutex_);
  const Health* found = core_.find(subject);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

std::vector<HealthRecord> HealthKeeper::records(const std::optional<NodeId>& node,
                                                WallTime now) const {
  const std::lock_guard lock(mutex_);
  std::vector<HealthRecord> records;
  for (const auto& [id, offered] : offered_) {
    if (node && *node != id) continue;
    records.push_back(record_of(offered, core_.find({id}), now));
    for (const auto& device : offered.devices) {
      HealthRecord record = record_of(offered, core_.find({id, device.id}), now);
      record.gpu = device.id;
      record.index = device.index;
      records.push_back(std::move(record));
    }
  }
  return records;
}

Result<protocol::NodeRecord> HealthKeeper::find_node(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, node] : offered_)
    if (id.str() == name || node.name == name) return node;
  return Error{Errc::not_found,
               "there is no node '" + std::string(name.substr(0, 64)) + "'",
               {},
               {},
               "`galley nodes` lists them"};
}

}  // namespace galley::controller
