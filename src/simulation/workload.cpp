#include "simulation/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "machines.h"

namespace galley::simulation {

std::int32_t Shape::gpus() const { return std::accumulate(members.begin(), members.end(), 0); }

Shape shape_on(const Cluster& cluster, const Job& job) {
  Shape shape{
      .members = {}, .cpus = job.cpus, .memory_bytes = job.memory_bytes, .gpu_type = job.gpu_type};
  const auto largest = static_cast<std::int32_t>(cluster.largest_node(job.gpu_type));
  if (!job.may_be_cut || largest == 0 || job.gpus <= largest) {
    shape.members.assign(static_cast<std::size_t>(job.nodes), job.gpus);
    return shape;
  }
  shape.members.assign(static_cast<std::size_t>(job.gpus / largest), largest);
  if (job.gpus % largest != 0) shape.members.push_back(job.gpus % largest);
  return shape;
}

bool could_hold(const Cluster& cluster, const Shape& shape) {
  return static_cast<std::int64_t>(shape.members.size()) <= cluster.node_count() &&
         Machines(cluster).place(shape, Fit::best).has_value();
}

Result<Workload> prepare(Trace trace, Cluster cluster) {
  Workload workload;
  std::map<Shape, std::optional<ShapeIndex>> known;  // none: the cluster cannot hold it
  std::vector<Job> kept;
  kept.reserve(trace.jobs.size());
  for (const Job& job : trace.jobs) {
    Shape shape = shape_on(cluster, job);
    auto [entry, is_new] = known.try_emplace(std::move(shape));
    if (is_new && could_hold(cluster, entry->first)) {
      entry->second = static_cast<ShapeIndex>(workload.shapes.size());
      workload.shapes.push_back(entry->first);
    }
    if (!entry->second) {
      ++workload.jobs_left_out;
      continue;
    }
    workload.shape_of.push_back(*entry->second);
    kept.push_back(job);
  }
  if (kept.empty())
    return Error{
        Errc::invalid_argument,
        fmt::format("none of the {} jobs of {} fits a cluster of {} nodes with {} GPUs",
                    trace.jobs.size(), trace.name, cluster.node_count(), cluster.gpu_count()),
        "cluster", "a cluster that can hold at least one of the jobs"};
  trace.jobs = std::move(kept);
  workload.trace = std::move(trace);
  workload.cluster = std::move(cluster);
  return workload;
}

}  // namespace galley::simulation
