#include "node_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <vector>

#include "fields.h"

namespace galley::cli {
namespace {

using Places = std::vector<std::int64_t>;

struct Branch {
  std::string level;
  std::string link;
  Places places;
  std::vector<Branch> children;
};

Places numbers_of(const Json& json, const char* key) {
  Places numbers;
  const Json& list = child_of(json, key);
  if (!list.is_array()) return numbers;
  for (const Json& item : list)
    if (item.is_number_integer()) numbers.push_back(item.get<std::int64_t>());
  std::ranges::sort(numbers);
  return numbers;
}

/// "0-3,6".
std::string ranges_of(const Places& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    if (!text.empty()) text += ",";
    text += std::to_string(numbers[i]);
    if (end - i > 1) text += (end - i > 2 ? "-" : ",") + std::to_string(numbers[end - 1]);
    i = end;
  }
  return text;
}

/// Puts a cell below the smallest one that holds it; cells come largest first.
void insert(std::vector<Branch>& branches, Branch branch) {
  for (Branch& outer : branches)
    if (std::ranges::includes(outer.places, branch.places))
      return insert(outer.children, std::move(branch));
  branches.push_back(std::move(branch));
}

/// GPUs that no inner cell holds become leaves beside the cells.
void add_single_gpus(Branch& branch) {
  if (branch.children.empty()) return;
  std::set<std::int64_t> held;
  for (const Branch& child : branch.children) held.insert(child.places.begin(), child.places.end());
  for (Branch& child : branch.children) add_single_gpus(child);
  for (const std::int64_t place : branch.places)
    if (!held.contains(place)) branch.children.push_back({"gpu", {}, {place}, {}});
  std::ranges::sort(branch.children, {}, [](const Branch& child) { return child.places.front(); });
}

std::vector<Branch> branches_of(const Json& node) {
  std::vector<Branch> cells;
  const Json& list = child_of(node, "cells");
  if (list.is_array())
    for (const Json& cell : list)
      cells.push_back({plain_line(text_of(cell, "level")),
                       plain_line(text_of(cell, "link")),
                       numbers_of(cell, "devices"),
                       {}});
  std::erase_if(cells, [](const Branch& cell) { return cell.places.empty(); });
  std::ranges::stable_sort(cells, std::ranges::greater{},
                           [](const Branch& cell) { return cell.places.size(); });
  std::vector<Branch> roots;
  for (Branch& cell : cells) insert(roots, std::move(cell));
  const Json& devices = child_of(node, "devices");
  if (roots.empty() && devices.is_array())
    for (std::size_t i = 0; i < devices.size(); ++i)
      roots.push_back({"gpu", {}, {static_cast<std::int64_t>(i)}, {}});
  for (Branch& root : roots) add_single_gpus(root);
  return roots;
}

class TreeText {
 public:
  TreeText(const Json& devices, const Terminal& terminal)
      : devices_(devices), terminal_(terminal) {}

  void print(const Branch& branch, const std::string& before, const std::string& below,
             std::string& out) const {
    const std::string name = before + branch.level;
    const std::string text = fmt::format(
        "{}{}  {:<{}}  GPU {:<{}}  ", name, std::string(name_width_ - display_width(name), ' '),
        branch.link, link_width_, ranges_of(indices_of(branch)), gpus_width_);
    const std::size_t width = terminal_.width;
    // Marks are the last to go: without room for all of them there are none.
    const bool room = width == 0 || display_width(text) + branch.places.size() <= width;
    out += (room ? text + marks_of(branch) : fit_width(text, width)) + "\n";
    for (std::size_t i = 0; i < branch.children.size(); ++i) {
      const bool last = i + 1 == branch.children.size();
      print(branch.children[i], below + (last ? "└─ " : "├─ "), below + (last ? "   " : "│  "),
            out);
    }
  }

  /// Widens the columns for this branch and all below it.
  void measure(const Branch& branch, std::size_t depth) {
    constexpr std::size_t kIndent = 3;
    name_width_ = std::max(name_width_, depth * kIndent + display_width(branch.level));
    link_width_ = std::max(link_width_, branch.link.size());
    gpus_width_ = std::max(gpus_width_, ranges_of(indices_of(branch)).size());
    for (const Branch& child : branch.children) measure(child, depth + 1);
  }

 private:
  const Json& device(std::int64_t place) const {
    static const Json none;
    const auto at = static_cast<std::size_t>(place);
    return devices_.is_array() && place >= 0 && at < devices_.size() ? devices_[at] : none;
  }
  Places indices_of(const Branch& branch) const {
    Places indices;
    for (const std::int64_t place : branch.places)
      indices.push_back(count_of(device(place), "index"));
    std::ranges::sort(indices);
    return indices;
  }
  std::string marks_of(const Branch& branch) const {
    std::string marks;
    for (const std::int64_t place : branch.places) {
      const std::string state = text_of(device(place), "state");
      if (state == "bad")
        marks += paint("×", Style::bad, terminal_.color);
      else if (state == "used")
        marks += paint("●", Style::busy, terminal_.color);
      else
        marks += paint("○", Style::good, terminal_.color);
    }
    return marks;
  }

  const Json& devices_;
  const Terminal& terminal_;
  std::size_t name_width_ = 0;
  std::size_t link_width_ = 0;
  std::size_t gpus_width_ = 0;
};

/// "8 × NVIDIA H100 80GB HBM3", or each model with its count.
std::string models_of(const Json& devices) {
  std::vector<std::pair<std::string, int>> counts;
  for (const Json& device : devices) {
    const std::string model = text_of(device, "model");
    auto known = std::ranges::find(counts, model, &std::pair<std::string, int>::first);
    if (known == counts.end()) known = counts.insert(counts.end(), {model, 0});
    ++known->second;
  }
  std::string text;
  for (const auto& [model, count] : counts)
    text += fmt::format("{}{} × {}", text.empty() ? "" : " + ", count, model);
  return text;
}

std::string cut(std::string_view line, const Terminal& terminal) {
  const std::string plain = plain_line(line);
  return (terminal.width == 0 ? plain : fit_width(plain, terminal.width)) + "\n";
}

/// A heading and what is possible on such nodes, a line each, so that nothing is cut off.
std::string sizes_of_type(const Json& type, const Terminal& terminal) {
  const Json& sizes = child_of(type, "sizes");
  const Json& nodes = child_of(type, "nodes");
  const std::size_t count = nodes.is_array() ? nodes.size() : 0;
  const std::string who = count == 1 && nodes.front().is_string() ? nodes.front().get<std::string>()
                                                                  : fmt::format("{} nodes", count);
  std::string out =
      cut(fmt::format("  {} × {}  on {}", count_of(sizes, "gpus"), text_of(type, "gpu_type"), who),
          terminal);
  const auto add = [&](std::string_view what, const std::string& numbers) {
    if (!numbers.empty()) out += cut(fmt::format("    {:<23} {}", what, numbers), terminal);
  };
  add("as one cell", ranges_of(numbers_of(sizes, "one_cell")));
  add("only as several cells", ranges_of(numbers_of(sizes, "several_cells")));
  add("never on one node", fmt::format("more than {}", count_of(sizes, "gpus")));
  return out;
}

}  // namespace

std::string node_tree(const Json& node, const Terminal& terminal) {
  const Json& devices = child_of(node, "devices");
  std::string title = text_of(node, "name");
  if (!devices.is_array() || devices.empty()) return cut(title + "  no GPUs", terminal);
  title += "  " + models_of(devices);
  std::string zones;
  if (const Json& zone = child_of(node, "zone"); zone.is_array())
    for (const Json& name : zone)
      if (name.is_string()) zones += (zones.empty() ? "  in " : " / ") + name.get<std::string>();
  const std::string source = text_of(node, "source");
  if (!source.empty()) title += "  cells " + source;
  std::string out = cut(title + zones, terminal);

  TreeText tree(devices, terminal);
  const auto roots = branches_of(node);
  for (const Branch& root : roots) tree.measure(root, 0);
  for (const Branch& root : roots) tree.print(root, {}, {}, out);
  const Places waiting = numbers_of(child_of(node, "sizes"), "after_repair");
  if (!waiting.empty()) out += cut("sizes that wait for a repair: " + ranges_of(waiting), terminal);
  return out;
}

std::string fleet_sizes(const Json& fleet, const Terminal& terminal) {
  std::string out = "Sizes of jobs, in GPUs\n";
  const Json& types = child_of(fleet, "node_types");
  if (types.is_array())
    for (const Json& type : types) out += sizes_of_type(type, terminal);
  const Json& models = child_of(fleet, "gpu_types");
  if (models.is_array())
    for (const Json& model : models) {
      const std::int64_t all = count_of(model, "gpus");
      const std::int64_t largest = count_of(model, "largest_node");
      out += cut("  all " + text_of(model, "gpu_type"), terminal);
      if (all > largest)
        out += cut(fmt::format("    {:<23} {}", "only over several nodes",
                               fmt::format("{}-{}", largest + 1, all)),
                   terminal);
      out += cut(fmt::format("    {:<23} more than {}", "never", all), terminal);
    }
  if (count_of(fleet, "gpus") == 0)
    out += "  no node has a GPU: a job that asks for one can never run\n";
  return out;
}

}  // namespace galley::cli
