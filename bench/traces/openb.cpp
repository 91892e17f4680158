#include "traces/openb.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <system_error>

#include "base/file.h"
#include "base/text.h"
#include "simulation/csv.h"

namespace galley::bench {
namespace {

using simulation::CsvRow;
using simulation::read_csv;

constexpr std::int64_t kMostBytes = std::int64_t{1} << 30;
constexpr std::int64_t kMostMilli = 100'000'000;          // 100,000 processors
constexpr std::int64_t kMostMib = std::int64_t{1} << 31;  // 2 PiB
constexpr std::int64_t kMostGpus = 64;
constexpr std::int64_t kWholeMilli = 1000;

constexpr std::string_view kNodes = "openb_node_list_gpu_node.csv";
constexpr std::string_view kTasksPrefix = "openb_pod_list_";
constexpr std::string_view kTasksSuffix = ".csv";

Result<TraceNode> to_node(const CsvRow& row) {
  TraceNode node;
  node.name = row.text("sn");
  GALLEY_TRY(node.cpu_milli, row.number("cpu_milli", 1, kMostMilli));
  GALLEY_TRY(node.memory_mib, row.number("memory_mib", 1, kMostMib));
  GALLEY_TRY(const auto gpus, row.number("gpu", 0, kMostGpus));
  node.gpus = static_cast<int>(gpus);
  node.model = row.text("model");
  if (node.name.empty()) return row.wrong("sn", "is empty", "the name of a node");
  if (gpus > 0 && node.model.empty())
    return row.wrong("model", fmt::format("is empty on a node with {} GPUs", gpus),
                     "the GPUs' model");
  return node;
}

Result<TraceTask> to_task(const CsvRow& row) {
  TraceTask task;
  task.name = row.text("name");
  GALLEY_TRY(task.cpu_milli, row.number("cpu_milli", 0, kMostMilli));
  GALLEY_TRY(task.memory_mib, row.number("memory_mib", 0, kMostMib));
  GALLEY_TRY(const auto gpus, row.number("num_gpu", 0, kMostGpus));
  GALLEY_TRY(const auto milli, row.number("gpu_milli", 0, kWholeMilli));
  if (task.name.empty()) return row.wrong("name", "is empty", "the name of a task");
  if (gpus == 0) return task;  // the other GPU fields then mean nothing
  if (milli == 0) return row.wrong("gpu_milli", "is 0 for a task with GPUs", "1 to 1000");
  if (gpus > 1 && milli != kWholeMilli)
    return row.wrong("gpu_milli", fmt::format("is {} for {} GPUs", milli, gpus),
                     "1000 for more than one GPU");
  task.gpus = static_cast<int>(gpus);
  task.gpu_milli = static_cast<int>(milli);
  if (const auto spec = row.text("gpu_spec"); !spec.empty())
    for (const auto model : split(spec, '|')) {
      if (model.empty()) return row.wrong("gpu_spec", "names an empty model", "models joined by |");
      task.models.emplace_back(model);
    }
  std::ranges::sort(task.models);
  task.models.erase(std::ranges::unique(task.models).begin(), task.models.end());
  return task;
}

std::vector<std::string> workloads_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const auto file = entry.path().filename().string();
    if (file.starts_with(kTasksPrefix) && file.ends_with(kTasksSuffix))
      names.push_back(file.substr(kTasksPrefix.size(),
                                  file.size() - kTasksPrefix.size() - kTasksSuffix.size()));
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace

Result<std::vector<TraceNode>> parse_openb_nodes(std::string_view file, std::string_view bytes) {
  std::vector<TraceNode> nodes;
  GALLEY_TRY_STATUS(read_csv(file, bytes, {{"sn", "cpu_milli", "memory_mib", "gpu", "model"}},
                             [&](const CsvRow& row) -> Status {
                               GALLEY_TRY(auto node, to_node(row));
                               nodes.push_back(std::move(node));
                               return ok();
                             }));
  return nodes;
}

Result<std::vector<TraceTask>> parse_openb_tasks(std::string_view file, std::string_view bytes) {
  std::vector<TraceTask> tasks;
  GALLEY_TRY_STATUS(read_csv(file, bytes,
                             {{"name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli"}},
                             [&](const CsvRow& row) -> Status {
                               GALLEY_TRY(auto task, to_task(row));
                               tasks.push_back(std::move(task));
                               return ok();
                             }));
  return tasks;
}

Result<OpenbTrace> read_openb(const std::filesystem::path& folder, std::string_view workload) {
  const auto nodes_path = folder / kNodes;
  const auto tasks_path = folder / fmt::format("{}{}{}", kTasksPrefix, workload, kTasksSuffix);
  GALLEY_TRY(const auto node_bytes, read_file(nodes_path, kMostBytes));
  auto task_bytes = read_file(tasks_path, kMostBytes);
  if (!task_bytes) {
    auto error = std::move(task_bytes).error();
    const auto names = workloads_in(folder);
    if (error.code == Errc::not_found && !names.empty())
      error.hint =
          fmt::format("the workloads of {} are {}", folder.string(), fmt::join(names, ", "));
    return error;
  }
  OpenbTrace trace;
  GALLEY_TRY(trace.nodes, parse_openb_nodes(nodes_path.string(), node_bytes));
  GALLEY_TRY(trace.tasks, parse_openb_tasks(tasks_path.string(), *task_bytes));
  return trace;
}

}  // namespace galley::bench
