#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace galley::scheduler {

/// Dense number of a node inside one Pool, given in the order of add_node.
enum class NodeIndex : std::uint32_t {};
/// Dense number of a GPU model inside one Pool.
enum class ModelIndex : std::uint16_t {};
/// Nodes of one group are in the same state: what holds for one of them holds for all.
enum class GroupIndex : std::uint32_t {};
/// A state of a node's GPUs: how many of which kind are idle, and how much of each.
enum class GpuStateId : std::uint32_t {};

inline constexpr GroupIndex kNoGroup{0xffffffff};

/// What a node can do beside lending its parts, as bits.
using Abilities = std::uint8_t;
inline constexpr Abilities kRunsImages = 1;
inline constexpr Abilities kBuildsImages = 2;

/// More GPUs than any machine has; device sets are bits of one word.
inline constexpr int kMostGpusOfANode = 64;
/// Thousandths of a whole GPU.
inline constexpr int kWholeGpuMilli = 1000;
/// Bit i is device i of its node.
using DeviceSet = std::uint64_t;

/// One GPU of a node; sharing one is possible only where an operator has marked it.
struct DeviceSpec {
  std::string model;
  std::int64_t memory_mib = 0;
  bool shareable = false;
  bool operator==(const DeviceSpec&) const = default;
};

/// One machine, all of it free. `cells` are the buddy cells between a single GPU and the node
/// (pair, quad, ...): nested or disjoint sets of devices, in any order. The node itself and each of
/// its GPUs are cells without being named.
struct NodeSpec {
  std::int64_t cpu_milli = 0;
  std::int64_t memory_mib = 0;
  std::vector<DeviceSpec> devices;
  std::vector<DeviceSet> cells;
  std::vector<std::string> zone;  // outermost first: building, rack, island; may be empty
  Abilities abilities = 0;
};

/// What one node has to give to one member of a job.
struct Request {
  std::int64_t cpu_milli = 0;
  std::int64_t memory_mib = 0;
  int gpus = 0;
  int gpu_milli = kWholeGpuMilli;   // below 1000: a share of one GPU; then gpus is 1
  std::int64_t gpu_memory_mib = 0;  // each GPU has at least that; of a share: its cap
  std::vector<ModelIndex> models;   // sorted; empty: any
  Abilities needs = 0;
  bool operator==(const Request&) const = default;

  bool is_share() const { return gpus == 1 && gpu_milli < kWholeGpuMilli; }
};

/// False for what no Pool accepts: negative amounts, more GPUs than kMostGpusOfANode, a share of
/// several GPUs, a share outside 1 to 1000, unsorted models.
bool is_valid(const Request& request);

/// What a member holds: whole devices, or `gpu_milli` of the one device.
struct Grant {
  NodeIndex node{};
  DeviceSet devices = 0;
  bool operator==(const Grant&) const = default;
};

/// Whole free buddy cells of one size that are not part of a larger whole free one.
struct FreeCells {
  ModelIndex model{};  // of the cell's first device
  int gpus = 0;
  std::int64_t count = 0;
  bool operator==(const FreeCells&) const = default;
};

/// GPUs of one kind in one state: a line of a GpuState.
struct IdleGpus {
  ModelIndex model{};
  bool shareable = false;
  std::int16_t milli = 0;       // idle thousandths of each
  std::int32_t memory_mib = 0;  // idle memory of each
  int count = 0;
  auto operator<=>(const IdleGpus&) const = default;
};
/// The GPUs of a node that have something to give (in service, some milli idle), sorted, and, where
/// buddy cells were stated, its whole free ones that are not inside another (sizes, falling). Nodes
/// of equal states are interchangeable for any request.
struct GpuState {
  std::vector<IdleGpus> gpus;
  std::vector<std::uint8_t> cells;
  Abilities abilities = 0;  // of the node: kept here since nodes that differ in it are not alike
  auto operator<=>(const GpuState&) const = default;
};

struct NodeShape;
struct PoolTables;
class GpuStates;

/// What is free on each node: dense arrays, cheap to copy (a plan is made on a copy; 10,000 nodes
/// of 8 GPUs take about 0.1 ms), cheap to ask. Nodes in equal states are kept in groups, and groups
/// by how many whole GPUs they have free, so that a search looks only where something could fit
/// and scores equal nodes once.
///
/// What a node gives whole is decided by count; which devices, by buddy cells: choose_devices.
/// Copies share immutable tables and a locked table of GPU states, so that each copy may be used
/// on a thread of its own; one copy by two threads needs the caller's lock.
/// take and give stop the process when they would give twice, or take back what is not held.
class Pool {
 public:
  Pool();

  /// CPU and memory may be anything above 0; at most kMostGpusOfANode devices. O(devices).
  NodeIndex add_node(const NodeSpec& spec);
  ModelIndex model(std::string_view name);  // interns
  std::optional<ModelIndex> find_model(std::string_view name) const;
  const std::string& model_name(ModelIndex model) const;

  /// Devices out of service are not given; what is held on them stays held until given back. Their
  /// healthy siblings are given at the levels of the cells that are still whole.
  void set_in_service(NodeIndex node, DeviceSet devices);
  /// A closed node (lost, drained) is given nothing at all; what is held on it stays held.
  void set_open(NodeIndex node, bool open);

  bool fits(NodeIndex node, const Request& request) const;
  /// True when the node, all of it free, open and in service, holds the request.
  bool could_fit(NodeIndex node, const Request& request) const;
  /// The devices that the request gets on this node: those of the smallest sufficient free buddy
  /// cells, so that larger cells stay whole (three GPUs: a pair and one); all of one model where
  /// one model suffices. A share goes to the fullest device that holds it. 0 GPUs: the empty set.
  /// Requires fits().
  DeviceSet choose_devices(NodeIndex node, const Request& request) const;
  /// Of the free devices in service among `allowed`: `gpus` of them, by the same rule of cells.
  /// Requires that there are as many.
  DeviceSet choose_cells(NodeIndex node, int gpus, DeviceSet allowed) const;

  /// The grant must be free (choose_devices or any other choice that fits). O(devices).
  void take(const Request& request, const Grant& grant);
  /// Gives back exactly what one take took.
  void give(const Request& request, const Grant& grant);

  std::size_t node_count() const { return cpu_free_milli_.size(); }
  std::int64_t cpu_free_milli(NodeIndex node) const { return cpu_free_milli_[at(node)]; }
  std::int64_t memory_free_mib(NodeIndex node) const { return memory_free_mib_[at(node)]; }
  std::int64_t cpu_milli(NodeIndex node) const;
  std::int64_t memory_mib(NodeIndex node) const;
  bool is_open(NodeIndex node) const { return open_[at(node)] != 0; }
  int gpu_count(NodeIndex node) const;
  Abilities abilities(NodeIndex node) const;
  DeviceSet in_service(NodeIndex node) const { return in_service_[at(node)]; }
  /// Devices in service of which nothing is held, open node or not.
  DeviceSet free_devices(NodeIndex node) const { return free_[at(node)] & in_service_[at(node)]; }
  int free_gpus(NodeIndex node) const;
  /// Idle thousandths of a device, in service or not.
  int idle_milli(NodeIndex node, int device) const;
  std::int64_t idle_memory_mib(NodeIndex node, int device) const;
  /// Idle thousandths of the node's GPUs that are in service, in shared ones too.
  std::int64_t idle_milli(NodeIndex node) const;
  /// The same over the open nodes. O(groups).
  std::int64_t idle_milli() const;
  ModelIndex device_model(NodeIndex node, int device) const;
  std::int64_t device_memory_mib(NodeIndex node, int device) const;
  bool device_shareable(NodeIndex node, int device) const;
  const std::vector<std::string>& zone(NodeIndex node) const;
  /// The node's buddy cells, single GPUs and the node among them, by rising size.
  std::span<const DeviceSet> cells(NodeIndex node) const;
  /// Whole free cells of all open nodes, by model and size. O(nodes).
  std::vector<FreeCells> free_cells() const;

  // The index of states, for searches.
  struct Group {
    GpuStateId gpus{};
    std::int64_t cpu_free_milli = 0;
    std::int64_t memory_free_mib = 0;
    std::uint32_t nodes = 0;     // how many are in this state
    std::uint32_t bucket = 0;    // see first_group
    GroupIndex next = kNoGroup;  // of the same bucket, in no order that means anything
    GroupIndex previous = kNoGroup;
  };
  /// Buckets: 0, nothing idle on any GPU in service; 1, no GPU whole, something idle; 1 + n, n
  /// whole free GPUs in service. Closed nodes are in no group.
  static constexpr std::size_t kBuckets = kMostGpusOfANode + 2;
  GroupIndex first_group(std::size_t bucket) const { return bucket_first_[bucket]; }
  const Group& group(GroupIndex index) const { return groups_[static_cast<std::uint32_t>(index)]; }
  /// Group numbers lie below this.
  std::size_t group_bound() const { return groups_.size(); }
  GroupIndex group_of(NodeIndex node) const { return group_of_[at(node)]; }
  /// The lowest node of the group. O(nodes), at one comparison each.
  NodeIndex lowest_node(GroupIndex group) const;
  /// The largest bucket that has a group; 0 for an empty pool.
  std::size_t highest_bucket() const;
  /// A copy of the state behind the number. Takes the lock of the shared table.
  GpuState gpu_state(GpuStateId id) const;
  /// Equal for copies of one pool as long as their state numbers mean the same; holding on to it
  /// keeps it from being used anew.
  std::shared_ptr<const void> lineage() const { return states_; }

 private:
  static std::size_t at(NodeIndex node) { return static_cast<std::size_t>(node); }
  const NodeShape& shape(NodeIndex node) const;
  GpuState state_of(NodeIndex node) const;
  /// Moves the node to the group of its present state.
  void regroup(NodeIndex node);
  void renew_states();
  void leave_group(NodeIndex node);
  void join_group(NodeIndex node, GpuStateId gpus, std::size_t bucket);
  std::size_t bucket_of(NodeIndex node) const;
  DeviceSet holders(NodeIndex node, const Request& request) const;

  std::shared_ptr<const PoolTables> tables_;
  std::shared_ptr<GpuStates> states_;
  // One entry a node.
  std::vector<std::uint32_t> shape_;
  std::vector<std::uint32_t> zone_;
  std::vector<std::uint32_t> first_device_;
  std::vector<std::int64_t> cpu_free_milli_;
  std::vector<std::int64_t> memory_free_mib_;
  std::vector<DeviceSet> free_;   // nothing held on it
  std::vector<DeviceSet> whole_;  // given whole
  std::vector<DeviceSet> in_service_;
  std::vector<std::uint8_t> open_;
  std::vector<GroupIndex> group_of_;
  // One entry a device.
  std::vector<std::int16_t> milli_left_;
  std::vector<std::int32_t> memory_left_mib_;
  // Groups, found by a table with linear probing.
  std::vector<Group> groups_;
  std::vector<GroupIndex> unused_groups_;
  std::vector<GroupIndex> slots_;
  std::size_t groups_used_ = 0;
  std::vector<GroupIndex> bucket_first_;

  std::size_t home_slot(GpuStateId gpus, std::int64_t cpu, std::int64_t memory) const;
  void grow_slots();
};

}  // namespace galley::scheduler
