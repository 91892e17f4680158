#pragma once

#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "cluster/sizes.h"
#include "cluster/topology_file.h"
#include "protocol/records.h"

// Nodes with their cells and the sizes that they can give, as programs and people look at them.
namespace galley::cluster {

struct DeviceView {
  std::int64_t index = 0;
  std::string model;
  std::string state = "free";
  std::optional<JobId> job_id;
  bool shareable = false;
};

struct CellView {
  std::string level;
  std::string link;
  std::vector<std::int64_t> devices;
  std::string state = "free";
};

struct NodeView {
  NodeId node_id;
  std::string name;
  std::vector<std::string> zone;
  std::string source;
  std::vector<DeviceView> devices;
  std::vector<CellView> cells;
  NodeSizes sizes;
};

struct TopologyView {
  std::vector<NodeView> items;
  FleetSizes fleet;
};

/// Pure. A node whose record states cells that cannot be, as an agent of another version might
/// send, is shown with forged ones. O(nodes * cells).
TopologyView view_of(std::span<const protocol::NodeRecord> nodes);

/// What a file of kind topology states, each node type as one node of that name with free GPUs.
TopologyView view_of(const TopologyFile& file);

}  // namespace galley::cluster

namespace galley::protocol {

template <>
struct Fields<cluster::DeviceView> {
  static constexpr std::string_view kind = "device_view";
  using S = cluster::DeviceView;
  static constexpr std::tuple table{
      Field<S, std::int64_t>{"index", &S::index, "The driver's number of the GPU."},
      Field<S, std::string>{"model", &S::model, "Name of the model."},
      Field<S, std::string>{"state", &S::state, "free, used or bad (out of service)."},
      Field<S, std::optional<JobId>>{"job_id", &S::job_id, "The job that holds it."},
      Field<S, bool>{"shareable", &S::shareable, "Whether several jobs may have parts of it."}};
};

template <>
struct Fields<cluster::CellView> {
  static constexpr std::string_view kind = "cell_view";
  using S = cluster::CellView;
  static constexpr std::tuple table{
      Field<S, std::string>{"level", &S::level, "pair, triple, quad, ..., or node for all."},
      Field<S, std::string>{"link", &S::link,
                            "Its farthest link, as nvidia-smi names it; empty where unknown."},
      Field<S, std::vector<std::int64_t>>{"devices", &S::devices,
                                          "Places of its GPUs in the node's devices, from 0."},
      Field<S, std::string>{"state", &S::state,
                            "free, used, part (used in part) or bad (holds a bad GPU)."}};
};

template <>
struct Fields<cluster::NodeSizes> {
  static constexpr std::string_view kind = "node_sizes";
  using S = cluster::NodeSizes;
  static constexpr std::tuple table{
      Field<S, int>{"gpus", &S::gpus,
                    "GPUs of the node; a job that needs more can never run there."},
      Field<S, std::vector<int>>{"one_cell", &S::one_cell, "Sizes given as one buddy cell."},
      Field<S, std::vector<int>>{"several_cells", &S::several_cells,
                                 "Sizes never given as one cell, only as a set of them."},
      Field<S, std::vector<int>>{"after_repair", &S::after_repair,
                                 "Sizes that wait for GPUs which are out of service."}};
};

template <>
struct Fields<cluster::NodeView> {
  static constexpr std::string_view kind = "node_view";
  using S = cluster::NodeView;
  static constexpr std::tuple table{
      Field<S, NodeId>{"node_id", &S::node_id, "Id of the node."},
      Field<S, std::string>{"name", &S::name, "Its name."},
      Field<S, std::vector<std::string>>{"zone", &S::zone, "Where it stands, outermost first."},
      Field<S, std::string>{"source", &S::source,
                            "discovered, stated or forged; empty for a node without cells."},
      Field<S, std::vector<cluster::DeviceView>>{"devices", &S::devices, "Its GPUs."},
      Field<S, std::vector<cluster::CellView>>{"cells", &S::cells,
                                               "Its buddy cells, smallest first."},
      Field<S, cluster::NodeSizes>{"sizes", &S::sizes, "Which sizes of jobs it can give."}};
};

template <>
struct Fields<cluster::NodeTypeSizes> {
  static constexpr std::string_view kind = "node_type_sizes";
  using S = cluster::NodeTypeSizes;
  static constexpr std::tuple table{
      Field<S, std::string>{"gpu_type", &S::gpu_type, "Model of its GPUs."},
      Field<S, std::vector<std::string>>{"nodes", &S::nodes, "Names of the nodes that are alike."},
      Field<S, cluster::NodeSizes>{"sizes", &S::sizes, "Which sizes each of them can give."}};
};

template <>
struct Fields<cluster::ModelSizes> {
  static constexpr std::string_view kind = "gpu_type_sizes";
  using S = cluster::ModelSizes;
  static constexpr std::tuple table{
      Field<S, std::string>{"gpu_type", &S::gpu_type, "Model of the GPU."},
      Field<S, int>{"gpus", &S::gpus, "How many the fleet has; more can never run."},
      Field<S, int>{"largest_node", &S::largest_node,
                    "How many one node has at most; more run only over several nodes."}};
};

template <>
struct Fields<cluster::FleetSizes> {
  static constexpr std::string_view kind = "fleet_sizes";
  using S = cluster::FleetSizes;
  static constexpr std::tuple table{
      Field<S, int>{"gpus", &S::gpus, "GPUs of the fleet; more can never run."},
      Field<S, int>{"largest_node", &S::largest_node,
                    "GPUs of the largest node; more run only over several nodes."},
      Field<S, std::vector<int>>{"one_cell", &S::one_cell,
                                 "Sizes that some node gives as one cell."},
      Field<S, std::vector<int>>{"several_cells", &S::several_cells,
                                 "Sizes that no node gives as one cell, only as a set of them."},
      Field<S, std::vector<cluster::NodeTypeSizes>>{"node_types", &S::node_types,
                                                    "Nodes that are alike."},
      Field<S, std::vector<cluster::ModelSizes>>{"gpu_types", &S::gpu_types, "Each GPU model."}};
};

template <>
struct Fields<cluster::TopologyView> {
  static constexpr std::string_view kind = "topology_view";
  using S = cluster::TopologyView;
  static constexpr std::tuple table{
      Field<S, std::vector<cluster::NodeView>>{"items", &S::items, "The nodes."},
      Field<S, cluster::FleetSizes>{"fleet", &S::fleet,
                                    "Sizes of jobs that can ever run, over all nodes."}};
};

}  // namespace galley::protocol
