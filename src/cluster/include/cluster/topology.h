#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "protocol/records.h"

namespace galley::cluster {

/// Bit i is the device at place i of its node's list of devices.
using DeviceMask = std::uint64_t;
inline constexpr int kMostCellDevices = 64;

/// How two GPUs reach each other, in nvidia-smi's words, from near to far: NVLinks, one PCIe
/// switch, several switches, a CPU's PCIe root, the interconnect within a NUMA node, that between
/// sockets.
enum class LinkKind { nvlink, pix, pxb, phb, node, sys, unknown };

struct Link {
  LinkKind kind = LinkKind::unknown;
  int nvlinks = 0;  // how many, for LinkKind::nvlink
  bool operator==(const Link&) const = default;
};

/// "NV12", "PIX", ..., "SYS"; empty for an unknown one.
std::string to_string(Link link);
/// The link that a word of nvidia-smi stands for; any other word ("N/A") is an unknown link.
Link link_of_word(std::string_view word);
/// Smaller is closer. More NVLinks are closer than fewer; an unknown link is the farthest.
int distance_of(Link link);

/// The GPU part of `nvidia-smi topo -m`.
struct LinkMatrix {
  std::vector<int> indices;  // the driver's numbers of the GPUs, in the order of the columns
  std::vector<Link> links;   // row by row
};

/// Reads the answer of `nvidia-smi topo -m`: columns of network cards, affinities and the legend
/// are skipped, colours too; columns may be parted by tabs or, as in a pasted text, by blanks. No
/// GPU at all gives an empty matrix. Pure.
/// Errors: corrupt, naming the line: no matrix, a row that is missing, short, doubled or not in the
/// columns, an X off the diagonal; too_large: more than kMostCellDevices GPUs.
Result<LinkMatrix> parse_topo_matrix(std::string_view text);

/// Two or more GPUs of one node that are given away together.
struct Cell {
  DeviceMask devices = 0;
  std::string level;  // pair, triple, quad, octet, group, or node for all
  Link link;          // the farthest inside
  bool operator==(const Cell&) const = default;
};

enum class TopologySource { discovered, stated, forged };
std::string_view to_string(TopologySource source);

/// The buddy cells of a node, smallest first, the whole node last: nested or disjoint. A node of
/// one GPU, or of none, has no cells. GPUs themselves are not listed.
struct CellTree {
  int device_count = 0;
  TopologySource source = TopologySource::forged;
  std::vector<Cell> cells;
  bool operator==(const CellTree&) const = default;
};

/// The cells of GPUs that are linked like this: near ones together first. Where all are linked
/// alike (NVSwitch) a cell is split into its largest power of two and the rest, so that 8 gives
/// 4+4 and 10 gives 8+2. `device_indices` are the driver's numbers of the node's devices, in the
/// order of their places; one that the matrix lacks is far from all. Pure, deterministic;
/// O(n^3) in the devices. Errors: too_large above kMostCellDevices.
Result<CellTree> derive_cells(const LinkMatrix& matrix, std::span<const int> device_indices);
/// The cells of devices of which nothing is known. Errors: as above.
Result<CellTree> forge_cells(int device_count);

/// Completes cells that somebody names: orders them, drops those of one GPU and repeated ones, adds
/// the whole node, and names levels that have no name. Errors: invalid_argument when a cell has
/// devices that do not exist, or cells overlap without one holding the other.
Result<CellTree> tree_of_cells(int device_count, TopologySource source, std::vector<Cell> cells);

/// The form in which a tree travels, and back. Errors: those of tree_of_cells.
protocol::TopologyRecord record_of(const CellTree& tree);
Result<CellTree> tree_of(const protocol::TopologyRecord& record, int device_count);

/// "0-3" or "0,2,5-7".
std::string list_of_devices(DeviceMask devices);

}  // namespace galley::cluster
