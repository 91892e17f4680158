#include "stated_cells.h"

#include <map>
#include <vector>

namespace galley::cluster {
namespace {

struct Group {
  std::string level;
  std::string link;
  Json gpus;
};

}  // namespace
}  // namespace galley::cluster

namespace galley::protocol {

template <>
struct Fields<cluster::Group> {
  static constexpr std::string_view kind = "cell";
  using S = cluster::Group;
  static constexpr std::tuple table{
      Field<S, std::string>{"level", &S::level, "What such a cell is called.", false, 0, 32},
      Field<S, std::string>{"link", &S::link, "Its farthest link, as nvidia-smi names it.", false,
                            0, 8},
      Field<S, Json>{"gpus", &S::gpus, "Numbers of its GPUs.", true}};
};

}  // namespace galley::protocol

namespace galley::cluster {
namespace {

constexpr int kMostDepth = 8;  // lists in lists: a GPU, a pair, a quad, ... of at most 64
std::string range_of(std::int64_t gpus) {
  return gpus == 0 ? "no GPU, since gpus is 0" : "0 to " + std::to_string(gpus - 1);
}

Result<int> read_gpu(const Json& json, const std::string& path, std::int64_t gpus) {
  if (!json.is_number_integer())
    return refused_field(path, "found " + dump_json(json).substr(0, 64), "the number of a GPU");
  const bool fits = json.is_number_unsigned() ? json.get<std::uint64_t>() < (1U << 30)
                                              : json.get<std::int64_t>() > -(1 << 30);
  const std::int64_t gpu = fits ? json.get<std::int64_t>() : -1;
  if (gpu < 0 || gpu >= gpus)
    return refused_field(path,
                         "GPU " + dump_json(json) + " does not exist: the node type has " +
                             std::to_string(gpus) + " GPUs",
                         range_of(gpus));
  return static_cast<int>(gpu);
}

/// Cells as lists in lists. Each GPU stands at one place only.
class NestedCells {
 public:
  explicit NestedCells(std::int64_t gpus) : gpus_(gpus) {}

  Result<DeviceMask> read(const Json& list, const std::string& path, int depth) {
    if (depth > kMostDepth)
      return refused_field(path,
                           "cells lie in cells more than " + std::to_string(kMostDepth) + " deep",
                           "lists of GPU numbers, nested less");
    if (list.empty() && depth > 0) return refused_field(path, "the cell is empty", "GPUs or cells");
    DeviceMask devices = 0;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string here = field_at(path, i);
      if (list[i].is_array()) {
        GALLEY_TRY(const DeviceMask inner, read(list[i], here, depth + 1));
        devices |= inner;
        continue;
      }
      GALLEY_TRY(const int gpu, read_gpu(list[i], here, gpus_));
      if (const auto [known, is_new] = seen_.insert({gpu, here}); !is_new)
        return refused_field(
            here,
            "GPU " + std::to_string(gpu) + " is in a second cell; the first is " + known->second,
            "each GPU at one place");
      devices |= DeviceMask{1} << gpu;
    }
    if (depth > 0) cells_.push_back({devices, {}, {}});
    return devices;
  }

  std::vector<Cell> take() { return std::move(cells_); }

 private:
  std::int64_t gpus_;
  std::map<int, std::string> seen_;
  std::vector<Cell> cells_;
};

Result<Cell> read_group(const Json& json, const std::string& path, std::int64_t gpus) {
  auto group = protocol::parse_struct<Group>(json);
  if (!group) {
    Error error = std::move(group).error();
    error.field = path + (error.field.empty() ? "" : ".") + error.field;
    return error;
  }
  const std::string field = path + ".gpus";
  if (!group->gpus.is_array() || group->gpus.empty())
    return refused_field(field, "found " + dump_json(group->gpus).substr(0, 64),
                         "a list of GPU numbers");
  Cell cell{0, group->level, link_of_word(group->link)};
  if (!group->link.empty() && cell.link.kind == LinkKind::unknown)
    return refused_field(path + ".link", "found '" + group->link + "'",
                         "NV1 to NV999, PIX, PXB, PHB, NODE or SYS");
  for (std::size_t i = 0; i < group->gpus.size(); ++i) {
    GALLEY_TRY(const int gpu, read_gpu(group->gpus[i], field_at(field, i), gpus));
    if ((cell.devices >> gpu & 1) != 0)
      return refused_field(field_at(field, i),
                           "GPU " + std::to_string(gpu) + " is in the cell twice", "each GPU once");
    cell.devices |= DeviceMask{1} << gpu;
  }
  return cell;
}

Result<std::vector<Cell>> read_groups(const Json& list, const std::string& path,
                                      std::int64_t gpus) {
  std::vector<Cell> cells;
  for (std::size_t i = 0; i < list.size(); ++i) {
    GALLEY_TRY(Cell cell, read_group(list[i], field_at(path, i), gpus));
    for (std::size_t j = 0; j < cells.size(); ++j) {
      const DeviceMask shared = cells[j].devices & cell.devices;
      if (shared == 0 || (shared == cell.devices) != (shared == cells[j].devices)) continue;
      return refused_field(field_at(path, i) + ".gpus",
                           "the cell " + list_of_devices(cell.devices) + " and " +
                               field_at(path, j) + ", " + list_of_devices(cells[j].devices) +
                               ", share GPU " + list_of_devices(shared),
                           "cells that are apart, or of which one holds the other");
    }
    cells.push_back(std::move(cell));
  }
  return cells;
}

}  // namespace

std::string field_at(const std::string& path, std::size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

Error refused_field(std::string field, std::string message, std::string expected,
                    std::string hint) {
  return Error{Errc::invalid_argument, std::move(message), std::move(field), std::move(expected),
               std::move(hint)};
}

Result<CellTree> read_stated_cells(const Json& list, std::int64_t gpus, const std::string& path) {
  if (!list.is_array())
    return refused_field(path, "found " + dump_json(list).substr(0, 64),
                         "a list, such as [[0, 1], [2, 3]]");
  const bool groups = !list.empty() && list.front().is_object();
  std::vector<Cell> cells;
  if (groups) {
    GALLEY_TRY(cells, read_groups(list, path, gpus));
  } else {
    NestedCells nested(gpus);
    GALLEY_TRY_STATUS(nested.read(list, path, 0));
    cells = nested.take();
  }
  return tree_of_cells(static_cast<int>(gpus), TopologySource::stated, std::move(cells));
}

}  // namespace galley::cluster
