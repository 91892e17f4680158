#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "cluster/topology.h"
#include "protocol/field_table.h"

namespace galley::cluster {

/// What a file of kind topology says of the nodes whose names match. `cells` is a list of GPU
/// numbers and of lists, each list a cell: [[0, 1], [2, 3]]; or a list of objects {level, link,
/// gpus}.
struct StatedNodeType {
  std::string name;
  std::vector<std::string> nodes;  // names, with * and ?
  std::int64_t gpus = 0;
  std::optional<Json> cells;  // absent: discovered
};

/// A place that holds nodes and other zones: a rack, an InfiniBand island, a hall.
struct StatedZone {
  std::string name;
  std::optional<std::string> in;
  std::vector<std::string> nodes;
};

struct TopologyFile {
  std::string kind;
  std::int64_t version = 1;
  std::vector<StatedNodeType> node_types;
  std::vector<StatedZone> zones;
};

/// Reads a file and all that can be checked without knowing the nodes: cells, names, and that no
/// zone lies in itself. Pure. Errors: invalid_argument with the field.
Result<TopologyFile> parse_topology_file(const Json& json);

/// The cells of a type in a file that parse_topology_file has accepted, if it names any.
std::optional<CellTree> cells_of(const StatedNodeType& type);

/// What the file says of one node.
struct StatedNode {
  std::optional<CellTree> tree;   // absent: the file leaves its cells to discovery
  std::optional<int> gpus;        // absent: only a zone has its name
  std::string gpus_field;         // where their number stands: "node_types[0].gpus"
  std::vector<std::string> zone;  // outermost first
};

/// Errors: not_found when the file says nothing of the node; conflict when two node types, or two
/// zones of which neither holds the other, match its name.
Result<StatedNode> stated_node(const TopologyFile& file, std::string_view node);

/// Whether a stated tree fits the devices that the node has. Errors: invalid_argument with the
/// field, what was found and what would be right.
Status check_device_count(const StatedNode& stated, std::string_view node, int device_count);

/// True when the name matches the pattern: * stands for any text, ? for any one byte.
bool matches_pattern(std::string_view name, std::string_view pattern);

}  // namespace galley::cluster

namespace galley::protocol {

template <>
struct Fields<cluster::StatedNodeType> {
  static constexpr std::string_view kind = "node type";
  using S = cluster::StatedNodeType;
  static constexpr std::tuple table{
      Field<S, std::string>{"name", &S::name, "What people call such machines.", true, 1, 64},
      Field<S, std::vector<std::string>>{
          "nodes", &S::nodes, "Names of the nodes; * and ? stand for any text.", true, 1, 10'000},
      Field<S, std::int64_t>{"gpus", &S::gpus, "How many GPUs each of them has.", true, 0,
                             cluster::kMostCellDevices},
      Field<S, std::optional<Json>>{
          "cells", &S::cells,
          "GPUs that lie close together, as lists in lists ([[0, 1], [2, 3]]) or as "
          "objects {level, link, gpus}; discovered when absent."}};
};

template <>
struct Fields<cluster::StatedZone> {
  static constexpr std::string_view kind = "zone";
  using S = cluster::StatedZone;
  static constexpr std::tuple table{
      Field<S, std::string>{"name", &S::name, "Name of the rack, island or hall.", true, 1, 64},
      Field<S, std::optional<std::string>>{"in", &S::in, "The zone that holds it.", false, 1, 64},
      Field<S, std::vector<std::string>>{"nodes", &S::nodes,
                                         "Names of the nodes in it; * and ? stand for any text.",
                                         false, 0, 10'000}};
};

template <>
struct Fields<cluster::TopologyFile> {
  static constexpr std::string_view kind = "topology";
  using S = cluster::TopologyFile;
  static constexpr std::tuple table{
      Field<S, std::string>{"kind", &S::kind, "The word topology.", true, 0, 32},
      Field<S, std::int64_t>{"version", &S::version, "Version of the file's form: 1.", true, 1, 1},
      Field<S, std::vector<cluster::StatedNodeType>>{
          "node_types", &S::node_types, "Machines and the cells of their GPUs.", false, 0, 1000},
      Field<S, std::vector<cluster::StatedZone>>{
          "zones", &S::zones, "Where machines stand: racks, InfiniBand islands, halls.", false, 0,
          10'000}};
};

}  // namespace galley::protocol
