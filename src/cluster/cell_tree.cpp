#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <tuple>

#include "cluster/topology.h"

namespace galley::cluster {
namespace {

DeviceMask bit_of(int device) { return DeviceMask{1} << device; }

DeviceMask all_of(int device_count) {
  return device_count >= kMostCellDevices ? ~DeviceMask{0} : bit_of(device_count) - 1;
}

bool overlap(DeviceMask a, DeviceMask b) { return (a & b) != 0 && (a & b) != a && (a & b) != b; }

std::string level_of(DeviceMask devices, int device_count) {
  const int size = std::popcount(devices);
  if (size == device_count) return "node";
  if (size == 2) return "pair";
  if (size == 3) return "triple";
  if (size == 4) return "quad";
  if (size == 8) return "octet";
  return "group";
}

Status check_count(int device_count) {
  if (device_count >= 0 && device_count <= kMostCellDevices) return ok();
  return Error{Errc::too_large, "the node has " + std::to_string(device_count) +
                                    " GPUs; cells can name " + std::to_string(kMostCellDevices)};
}

/// Splits a set of devices again and again, the farthest links first.
class Splitter {
 public:
  Splitter(int device_count, std::vector<Link> links)
      : count_(device_count), links_(std::move(links)) {}

  void split(DeviceMask devices, std::vector<Cell>& cells) const {
    if (std::popcount(devices) < 2) return;
    cells.push_back({devices, {}, farthest(devices)});
    for (const DeviceMask half : halves_of(devices)) split(half, cells);
  }

 private:
  Link link(int a, int b) const { return links_[static_cast<std::size_t>(a * count_ + b)]; }
  int distance(int a, int b) const { return distance_of(link(a, b)); }

  template <class Visit>
  void for_each(DeviceMask devices, const Visit& visit) const {
    for (; devices != 0; devices &= devices - 1) visit(std::countr_zero(devices));
  }

  Link farthest(DeviceMask devices) const {
    std::optional<Link> worst;
    for_each(devices, [&](int a) {
      for_each(devices & ~bit_of(a), [&](int b) {
        if (!worst || distance(a, b) > distance_of(*worst)) worst = link(a, b);
      });
    });
    return worst.value_or(Link{});
  }

  /// Largest first, then by their first device.
  std::vector<DeviceMask> joined_below(int limit, DeviceMask devices) const {
    std::vector<DeviceMask> parts;
    while (devices != 0) {
      DeviceMask part = devices & (~devices + 1);
      for (DeviceMask open = part; open != 0;) {
        const int at = std::countr_zero(open);
        open &= ~bit_of(at);
        for_each(devices & ~part, [&](int other) {
          if (distance(at, other) < limit) {
            part |= bit_of(other);
            open |= bit_of(other);
          }
        });
      }
      parts.push_back(part);
      devices &= ~part;
    }
    std::ranges::stable_sort(parts, std::ranges::greater{},
                             [](DeviceMask part) { return std::popcount(part); });
    return parts;
  }

  std::array<DeviceMask, 2> halves_of(DeviceMask devices) const {
    const auto parts = joined_below(distance_of(farthest(devices)), devices);
    // Everything reaches everything by closer links in some steps, as in a cube of NVLinks.
    if (parts.size() == 1) return grown_half(devices);
    DeviceMask half = 0;
    for (std::size_t i = 0; i < std::bit_floor(parts.size() - 1); ++i) half |= parts[i];
    return {half, devices & ~half};
  }

  /// Begins with the closest two and adds whoever is closest to all that are in already.
  std::array<DeviceMask, 2> grown_half(DeviceMask devices) const {
    const int target =
        static_cast<int>(std::bit_floor(static_cast<unsigned>(std::popcount(devices)) - 1));
    std::tuple<int, int, int> first{distance_of({}) + 1, 0, 0};
    for_each(devices, [&](int a) {
      for_each(devices & ~all_of(a + 1),
               [&](int b) { first = std::min(first, std::tuple(distance(a, b), a, b)); });
    });
    DeviceMask half = bit_of(std::get<1>(first)) | bit_of(std::get<2>(first));
    while (std::popcount(half) < target) {
      std::optional<std::tuple<int, int, int>> best;
      for_each(devices & ~half, [&](int candidate) {
        int worst = 0;
        int sum = 0;
        for_each(half, [&](int member) {
          worst = std::max(worst, distance(candidate, member));
          sum += distance(candidate, member);
        });
        const std::tuple key(worst, sum, candidate);
        best = best ? std::min(*best, key) : key;
      });
      half |= bit_of(std::get<2>(*best));
    }
    return {half, devices & ~half};
  }

  int count_;
  std::vector<Link> links_;
};

Result<CellTree> tree_of_links(int device_count, TopologySource source, std::vector<Link> links) {
  std::vector<Cell> cells;
  Splitter(device_count, std::move(links)).split(all_of(device_count), cells);
  return tree_of_cells(device_count, source, std::move(cells));
}

}  // namespace

std::string_view to_string(TopologySource source) {
  if (source == TopologySource::discovered) return "discovered";
  return source == TopologySource::stated ? "stated" : "forged";
}

std::string list_of_devices(DeviceMask devices) {
  std::string text;
  while (devices != 0) {
    const int first = std::countr_zero(devices);
    const int length = std::countr_one(devices >> first);
    if (!text.empty()) text += ",";
    text += std::to_string(first);
    if (length > 1) text += (length > 2 ? "-" : ",") + std::to_string(first + length - 1);
    devices &= ~(all_of(length) << first);
  }
  return text;
}

Result<CellTree> tree_of_cells(int device_count, TopologySource source, std::vector<Cell> cells) {
  GALLEY_TRY_STATUS(check_count(device_count));
  const DeviceMask all = all_of(device_count);
  for (const Cell& cell : cells)
    if ((cell.devices & ~all) != 0)
      return Error{Errc::invalid_argument,
                   "a cell holds GPU " + list_of_devices(cell.devices & ~all) +
                       " of a node that has " + std::to_string(device_count) + " GPUs"};
  cells.push_back({all, {}, {}});
  std::erase_if(cells, [](const Cell& cell) { return std::popcount(cell.devices) < 2; });
  // Stable, so that of two for the same devices the one that was named stays.
  std::ranges::stable_sort(cells, {}, [](const Cell& cell) {
    return std::pair(std::popcount(cell.devices), std::countr_zero(cell.devices));
  });
  CellTree tree{device_count, source, {}};
  for (Cell& cell : cells) {
    bool known = false;
    for (const Cell& other : tree.cells) {
      known = known || other.devices == cell.devices;
      if (overlap(other.devices, cell.devices))
        return Error{Errc::invalid_argument, "the cells " + list_of_devices(other.devices) +
                                                 " and " + list_of_devices(cell.devices) +
                                                 " share GPU " +
                                                 list_of_devices(other.devices & cell.devices) +
                                                 ", and neither holds the other"};
    }
    if (known) continue;
    if (cell.level.empty()) cell.level = level_of(cell.devices, device_count);
    tree.cells.push_back(std::move(cell));
  }
  return tree;
}

Result<CellTree> derive_cells(const LinkMatrix& matrix, std::span<const int> device_indices) {
  const int count = static_cast<int>(device_indices.size());
  GALLEY_TRY_STATUS(check_count(count));
  std::vector<std::size_t> places;  // of each device in the matrix, past its end where it is not
  for (const int index : device_indices)
    places.push_back(static_cast<std::size_t>(std::ranges::find(matrix.indices, index) -
                                              matrix.indices.begin()));
  const std::size_t size = matrix.indices.size();
  std::vector<Link> links;
  for (const std::size_t a : places)
    for (const std::size_t b : places) {
      if (a >= size || b >= size) {
        links.emplace_back();
        continue;
      }
      // The two directions are the same wire; where the driver disagrees the worse one counts.
      const Link there = matrix.links[a * size + b];
      const Link back = matrix.links[b * size + a];
      links.push_back(distance_of(there) >= distance_of(back) ? there : back);
    }
  return tree_of_links(count, TopologySource::discovered, std::move(links));
}

Result<CellTree> forge_cells(int device_count) {
  GALLEY_TRY_STATUS(check_count(device_count));
  const auto count = static_cast<std::size_t>(device_count);
  return tree_of_links(device_count, TopologySource::forged, std::vector<Link>(count * count));
}

protocol::TopologyRecord record_of(const CellTree& tree) {
  protocol::TopologyRecord record{std::string(to_string(tree.source)), {}};
  for (const Cell& cell : tree.cells) {
    protocol::CellRecord& out = record.cells.emplace_back();
    out.level = cell.level;
    out.link = to_string(cell.link);
    for (DeviceMask rest = cell.devices; rest != 0; rest &= rest - 1)
      out.devices.push_back(std::countr_zero(rest));
  }
  return record;
}

Result<CellTree> tree_of(const protocol::TopologyRecord& record, int device_count) {
  TopologySource source = TopologySource::forged;
  for (const auto known : {TopologySource::discovered, TopologySource::stated})
    if (record.source == to_string(known)) source = known;
  std::vector<Cell> cells;
  for (const protocol::CellRecord& cell : record.cells) {
    DeviceMask devices = 0;
    for (const std::int64_t device : cell.devices) {
      if (device < 0 || device >= kMostCellDevices)
        return Error{Errc::invalid_argument, "a cell holds GPU " + std::to_string(device)};
      devices |= bit_of(static_cast<int>(device));
    }
    cells.push_back({devices, cell.level, link_of_word(cell.link)});
  }
  return tree_of_cells(device_count, source, std::move(cells));
}

}  // namespace galley::cluster
