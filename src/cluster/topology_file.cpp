#include "cluster/topology_file.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "stated_cells.h"

namespace galley::cluster {
namespace {

constexpr std::size_t kMostZoneDepth = 8;

template <class Named>
Status check_names(const std::vector<Named>& list, const std::string& path) {
  std::map<std::string, std::size_t> seen;
  for (std::size_t i = 0; i < list.size(); ++i)
    if (const auto [known, is_new] = seen.insert({list[i].name, i}); !is_new)
      return refused_field(
          field_at(path, i) + ".name",
          "'" + list[i].name + "' is also the name of " + field_at(path, known->second),
          "a name of its own");
  return ok();
}

const StatedZone* find_zone(const TopologyFile& file, const std::string& name) {
  const auto found = std::ranges::find(file.zones, name, &StatedZone::name);
  return found == file.zones.end() ? nullptr : &*found;
}

/// From the zone outwards. Errors: a zone that holds itself, and one that does not exist.
Result<std::vector<std::string>> way_out_of(const TopologyFile& file, std::size_t zone) {
  std::vector<std::string> way{file.zones[zone].name};
  const std::string field = field_at("zones", zone) + ".in";
  for (const StatedZone* inner = &file.zones[zone]; inner->in;) {
    const StatedZone* outer = find_zone(file, *inner->in);
    if (outer == nullptr) {
      std::vector<std::string> names;
      for (const StatedZone& known : file.zones) names.push_back(known.name);
      const std::string near = nearest(*inner->in, names);
      return refused_field(field, "there is no zone '" + *inner->in + "'", "the name of a zone",
                           near.empty() ? std::string{} : "did you mean '" + near + "'?");
    }
    const bool circular = std::ranges::find(way, outer->name) != way.end();
    way.push_back(outer->name);
    if (circular) {
      std::string text;
      for (const std::string& name : way) text += (text.empty() ? "" : " in ") + name;
      return refused_field(field, "a zone lies inside itself: " + text, "zones that end outside");
    }
    if (way.size() > kMostZoneDepth)
      return refused_field(
          field, "the zone lies in more than " + std::to_string(kMostZoneDepth - 1) + " others",
          "fewer levels");
    inner = outer;
  }
  return way;
}

bool matches_any(std::string_view name, const std::vector<std::string>& patterns) {
  return std::ranges::any_of(
      patterns, [&](const std::string& pattern) { return matches_pattern(name, pattern); });
}

bool is_plain(const std::string& pattern) {
  return pattern.find_first_of("*?") == std::string::npos;
}

/// A zone that names a node which no node type knows is a slip of the pen.
Status check_zone_nodes(const TopologyFile& file, std::size_t zone) {
  if (file.node_types.empty()) return ok();
  const auto& nodes = file.zones[zone].nodes;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!is_plain(nodes[i]) || std::ranges::any_of(file.node_types, [&](const auto& type) {
          return matches_any(nodes[i], type.nodes);
        }))
      continue;
    std::vector<std::string> known;
    for (const StatedNodeType& type : file.node_types)
      known.insert(known.end(), type.nodes.begin(), type.nodes.end());
    const std::string near = nearest(nodes[i], known);
    return refused_field(field_at(field_at("zones", zone) + ".nodes", i),
                         "no node type has a node '" + nodes[i] + "'",
                         "a node of a node type, or a pattern",
                         near.empty() ? std::string{} : "did you mean '" + near + "'?");
  }
  return ok();
}

}  // namespace

bool matches_pattern(std::string_view name, std::string_view pattern) {
  std::size_t n = 0;
  std::size_t p = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

Result<TopologyFile> parse_topology_file(const Json& json) {
  GALLEY_TRY(TopologyFile file, protocol::parse_struct<TopologyFile>(json));
  if (file.kind != "topology")
    return refused_field("kind", "found '" + file.kind + "'", "topology");
  if (file.node_types.empty() && file.zones.empty())
    return refused_field("node_types", "the file states neither node types nor zones",
                         "at least one of them");
  GALLEY_TRY_STATUS(check_names(file.node_types, "node_types"));
  GALLEY_TRY_STATUS(check_names(file.zones, "zones"));
  for (std::size_t i = 0; i < file.node_types.size(); ++i)
    if (const auto& [name, nodes, gpus, cells] = file.node_types[i]; cells)
      GALLEY_TRY_STATUS(read_stated_cells(*cells, gpus, field_at("node_types", i) + ".cells"));
  for (std::size_t i = 0; i < file.zones.size(); ++i) {
    GALLEY_TRY_STATUS(way_out_of(file, i));
    GALLEY_TRY_STATUS(check_zone_nodes(file, i));
  }
  return file;
}

std::optional<CellTree> cells_of(const StatedNodeType& type) {
  if (!type.cells) return std::nullopt;
  auto tree = read_stated_cells(*type.cells, type.gpus, "cells");
  GALLEY_CHECK(tree, "the file was accepted");
  return *std::move(tree);
}

Result<StatedNode> stated_node(const TopologyFile& file, std::string_view node) {
  const std::string name(node);
  StatedNode stated;
  const StatedNodeType* chosen = nullptr;
  for (std::size_t i = 0; i < file.node_types.size(); ++i) {
    const StatedNodeType& type = file.node_types[i];
    if (!matches_any(node, type.nodes)) continue;
    if (chosen != nullptr)
      return Error{Errc::conflict,
                   "node '" + name + "' matches the node types '" + chosen->name + "' and '" +
                       type.name + "'",
                   field_at("node_types", i) + ".nodes", "one node type for each node"};
    chosen = &type;
    stated.gpus_field = field_at("node_types", i) + ".gpus";
    stated.gpus = static_cast<int>(type.gpus);
    stated.tree = cells_of(type);
  }
  for (std::size_t i = 0; i < file.zones.size(); ++i) {
    if (!matches_any(node, file.zones[i].nodes)) continue;
    GALLEY_TRY(std::vector<std::string> way, way_out_of(file, i));
    std::ranges::reverse(way);
    auto& shorter = way.size() < stated.zone.size() ? way : stated.zone;
    auto& longer = way.size() < stated.zone.size() ? stated.zone : way;
    if (!std::equal(shorter.begin(), shorter.end(), longer.begin()))
      return Error{Errc::conflict,
                   "node '" + name + "' stands in the zones '" + stated.zone.back() + "' and '" +
                       way.back() + "', of which neither holds the other",
                   field_at("zones", i) + ".nodes", "one zone for each node"};
    stated.zone = std::vector<std::string>(longer);
  }
  if (chosen != nullptr || !stated.zone.empty()) return stated;

  std::vector<std::string> known;
  for (const StatedNodeType& type : file.node_types)
    known.insert(known.end(), type.nodes.begin(), type.nodes.end());
  const std::string near = nearest(name, known);
  return Error{Errc::not_found, "the topology file says nothing of node '" + name + "'",
               "node_types", "a node type or zone whose nodes match the name",
               near.empty() ? std::string{} : "the file has '" + near + "'"};
}

Status check_device_count(const StatedNode& stated, std::string_view node, int device_count) {
  if (!stated.gpus || *stated.gpus == device_count) return ok();
  return refused_field(stated.gpus_field,
                       "the topology file states " + std::to_string(*stated.gpus) +
                           " GPUs for node '" + std::string(node) + "', which has " +
                           std::to_string(device_count),
                       std::to_string(device_count));
}

}  // namespace galley::cluster
