#include <fmt/format.h>

#include "base/json.h"
#include "protocol/field_table.h"
#include "simulation/cluster.h"

namespace galley::simulation {

/// The forms of the file; what the rest of the module uses is Cluster.
struct NodesEntry {
  std::int64_t count = 1;
  std::int64_t gpus = 0;
  std::string gpu_model = "GPU";
  protocol::Bytes gpu_memory{std::int64_t{80} << 30};
  std::int64_t cpus = 0;
  protocol::Bytes memory{0};
  std::vector<std::string> zone;
};
struct GuaranteeEntry {
  std::string gpu_type;
  std::int64_t gpus = 8;
  std::int64_t count = 0;
};
struct TeamEntry {
  std::string name;
  double weight = 1;
  std::vector<GuaranteeEntry> guarantees;
};
struct ClusterFile {
  std::string kind;
  std::int64_t version = 0;
  std::vector<NodesEntry> nodes;
  std::vector<TeamEntry> teams;
};

}  // namespace galley::simulation

namespace galley::protocol {

template <>
struct Fields<simulation::NodesEntry> {
  static constexpr std::string_view kind = "nodes";
  using S = simulation::NodesEntry;
  static constexpr std::tuple table{
      Field<S, std::int64_t>{"count", &S::count, "How many nodes are alike.", false, 1,
                             simulation::kMostNodes},
      Field<S, std::int64_t>{"gpus", &S::gpus, "GPUs of each.", true, 0,
                             simulation::kMostGpusOfANode},
      Field<S, std::string>{"gpu_model", &S::gpu_model, "Name of the GPU, such as H100.", false, 1,
                            64},
      Field<S, Bytes>{"gpu_memory", &S::gpu_memory, "Memory of each GPU, such as 80GiB."},
      Field<S, std::int64_t>{"cpus", &S::cpus, "Processors of each node; 0: they never bind.",
                             false, 0, 4096},
      Field<S, Bytes>{"memory", &S::memory, "Memory of each node; 0: it never binds."},
      Field<S, std::vector<std::string>>{
          "zone", &S::zone, "Where they stand, outermost first: rack, island.", false, 0, 8}};
};

template <>
struct Fields<simulation::GuaranteeEntry> {
  static constexpr std::string_view kind = "guarantee";
  using S = simulation::GuaranteeEntry;
  static constexpr std::tuple table{
      Field<S, std::string>{"gpu_type", &S::gpu_type,
                            "Words that the GPU's name contains; empty: any.", false, 0, 64},
      Field<S, std::int64_t>{"gpus", &S::gpus, "GPUs of one cell: 1, 2, 4, ... up to a node.",
                             false, 1, simulation::kMostGpusOfANode},
      Field<S, std::int64_t>{"count", &S::count, "How many such cells the team owns.", true, 0,
                             simulation::kMostNodes}};
};

template <>
struct Fields<simulation::TeamEntry> {
  static constexpr std::string_view kind = "team";
  using S = simulation::TeamEntry;
  static constexpr std::tuple table{
      Field<S, std::string>{"name", &S::name, "As jobs name it.", true, 1, 64},
      Field<S, double>{"weight", &S::weight, "Weight of its fair share of what nobody owns."},
      Field<S, std::vector<simulation::GuaranteeEntry>>{"guarantees", &S::guarantees,
                                                        "Cells that it owns.", false, 0, 64}};
};

template <>
struct Fields<simulation::ClusterFile> {
  static constexpr std::string_view kind = "cluster";
  using S = simulation::ClusterFile;
  static constexpr std::tuple table{
      Field<S, std::string>{"kind", &S::kind, "The word cluster.", true, 0, 32},
      Field<S, std::int64_t>{"version", &S::version, "Version of the file's form: 1.", true, 1, 1},
      Field<S, std::vector<simulation::NodesEntry>>{"nodes", &S::nodes, "Kinds of nodes.", true, 1,
                                                    4096},
      Field<S, std::vector<simulation::TeamEntry>>{
          "teams", &S::teams, "Teams with guarantees or weights.", false, 0, 10'000}};
};

}  // namespace galley::protocol

namespace galley::simulation {
namespace {

scheduler::Team to_team(const TeamEntry& entry) {
  scheduler::Team team{.name = entry.name, .weight = entry.weight, .guarantees = {}};
  for (const GuaranteeEntry& guarantee : entry.guarantees)
    team.guarantees.push_back(
        {.gpu_type = guarantee.gpu_type, .gpus = guarantee.gpus, .count = guarantee.count});
  return team;
}

}  // namespace

Result<Cluster> parse_cluster_json(std::string_view text) {
  GALLEY_TRY(const Json json, parse_json(text));
  GALLEY_TRY(const auto file, protocol::parse_struct<ClusterFile>(json));
  if (file.kind != "cluster")
    return Error{Errc::invalid_argument,
                 fmt::format("the file is of kind \"{}\"", file.kind.substr(0, 40)), "kind",
                 "cluster"};
  Cluster cluster;
  for (const NodesEntry& entry : file.nodes)
    cluster.node_types.push_back({.count = entry.count,
                                  .gpus = entry.gpus,
                                  .gpu_model = entry.gpu_model,
                                  .gpu_memory_bytes = entry.gpu_memory.count,
                                  .cpus = entry.cpus,
                                  .memory_bytes = entry.memory.count,
                                  .zone = entry.zone});
  if (cluster.node_count() > kMostNodes)
    return Error{Errc::invalid_argument, fmt::format("{} nodes in all", cluster.node_count()),
                 "nodes", fmt::format("at most {}", kMostNodes)};
  for (std::size_t i = 0; i < file.teams.size(); ++i) {
    const TeamEntry& entry = file.teams[i];
    if (!(entry.weight > 0 && entry.weight <= 1e6))
      return Error{Errc::invalid_argument,
                   fmt::format("team {} has the weight {}", entry.name, entry.weight),
                   fmt::format("teams[{}].weight", i), "more than 0, at most 1000000"};
    for (std::size_t j = 0; j < i; ++j)
      if (file.teams[j].name == entry.name)
        return Error{Errc::invalid_argument, fmt::format("team {} is there twice", entry.name),
                     fmt::format("teams[{}].name", i), "each team once"};
    cluster.teams.push_back(to_team(entry));
  }
  GALLEY_TRY_STATUS(check_guarantees(cluster));
  return cluster;
}

}  // namespace galley::simulation
