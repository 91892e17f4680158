#include "topology.h"

#include <algorithm>

#include "cli/topology_file.h"
#include "cluster/topology_view.h"
#include "fields.h"
#include "node_tree.h"

namespace galley::cli {
namespace {

struct Asked {
  std::string node;
  std::string file;
};

std::string drawing_of(const Json& nodes, const Terminal& terminal) {
  std::string out;
  for (const Json& node : nodes) out += node_tree(node, terminal) + "\n";
  return out;
}

Result<Json> read_topology(Session& session, const std::string& file) {
  if (file.empty()) return session.get("/api/v1/topology");
  GALLEY_TRY(const cluster::TopologyFile stated, read_topology_file(file));
  Json view = protocol::print_struct(cluster::view_of(stated));
  // How many nodes of each type there are is not in the file.
  view["fleet"].erase("gpu_types");
  return view;
}

Result<int> show_topology(Session& session, const Asked& asked) {
  GALLEY_TRY(Json topology, read_topology(session, asked.file));
  Json nodes = items_of(topology);
  if (!asked.node.empty()) {
    const auto wanted = std::ranges::find_if(nodes, [&](const Json& node) {
      return text_of(node, "name") == asked.node || text_of(node, "node_id") == asked.node;
    });
    if (wanted == nodes.end())
      return Error{Errc::not_found,
                   "there is no node '" + asked.node + "'",
                   {},
                   {},
                   "`galley nodes` lists them"};
    nodes = Json::array({*wanted});
  }
  if (session.flags.json) {
    topology["items"] = std::move(nodes);
    session.print_json(asked.node.empty() ? topology : topology["items"].front());
    return 0;
  }
  const std::string drawing = drawing_of(nodes, session.terminal);
  print_out(drawing + fleet_sizes(child_of(topology, "fleet"), session.terminal));
  if (drawing.find("GPU ") != std::string::npos) session.note("○ free  ● used  × out of service");
  return 0;
}

}  // namespace

Command topology_command(Session& session) {
  return {
      .name = "topology",
      .help = "Draw which GPUs lie close together, and which job sizes can never run",
      .examples = {"galley nodes topology", "galley nodes topology NODE",
                   "galley nodes topology --file topology.yaml    check a file before using it"},
      .define = [&session](Options& options) -> Action {
        auto asked = std::make_shared<Asked>();
        options.optional_positional("NODE", asked->node, "Name or id; all nodes when left out");
        options.text("--file", asked->file, "FILE",
                     "Draw what this file states instead of asking the server");
        return [&session, asked] { return show_topology(session, *asked); };
      }};
}

std::string topology_schema() {
  Json schema = protocol::schema_of<cluster::TopologyFile>();
  schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  schema["title"] = "topology";
  schema["properties"]["node_types"]["items"]["properties"]["cells"]["type"] = "array";
  return dump_json(schema, 2) + "\n";
}

std::string topology_example() {
  return R"(# Which GPUs lie close together, and where machines stand.
# `galley nodes topology --file FILE` checks and draws it; `galley up --topology FILE` uses it.
kind: topology
version: 1
node_types:
  # Cells as lists in lists: pairs in quads. The whole node is always a cell.
  - name: nvlink-8
    nodes: ["gpu-*"]
    gpus: 8
    cells: [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]
  # Cells with their own level names and links, as nvidia-smi writes them.
  - name: pcie-6
    nodes: [old-1, old-2]
    gpus: 6
    cells:
      - {level: socket, link: NODE, gpus: [0, 1, 2]}
      - {level: socket, link: NODE, gpus: [3, 4, 5]}
      - {level: pair, link: PIX, gpus: [0, 1]}
      - {level: pair, link: PIX, gpus: [3, 4]}
  # No cells: they are discovered; the number of GPUs is still checked.
  - name: workstation
    nodes: ["desk-?"]
    gpus: 2
zones:
  - name: hall-1
    nodes: ["desk-*"]
  - name: island-a
    in: hall-1
    nodes: ["gpu-*"]
  - name: rack-7
    in: hall-1
    nodes: [old-1, old-2]
)";
}

}  // namespace galley::cli
