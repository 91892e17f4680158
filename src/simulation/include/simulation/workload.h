#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "simulation/cluster.h"
#include "simulation/trace.h"

namespace galley::simulation {

/// A kind of request: jobs of one shape are interchangeable for placement.
struct Shape {
  std::vector<std::int32_t> members;  // GPUs of each, largest first; each on a node of its own
  std::int32_t cpus = 0;              // of each member
  std::int64_t memory_bytes = 0;      // of each member
  std::string gpu_type;
  std::int32_t gpus() const;
  auto operator<=>(const Shape&) const = default;
};

enum class ShapeIndex : std::uint32_t {};

/// A trace as one cluster sees it.
struct Workload {
  Trace trace;
  Cluster cluster;
  std::vector<Shape> shapes;
  std::vector<ShapeIndex> shape_of;  // by job
  std::int64_t jobs_left_out = 0;    // the empty cluster could not hold them

  const Job& job(JobIndex index) const { return trace.jobs[static_cast<std::size_t>(index)]; }
  const Shape& shape(JobIndex index) const {
    return shapes[static_cast<std::size_t>(shape_of[static_cast<std::size_t>(index)])];
  }
};

/// Leaves out the jobs that the whole cluster could never hold. Errors: invalid_argument when no
/// job is left.
Result<Workload> prepare(Trace trace, Cluster cluster);

/// The shape that a job has on this cluster.
Shape shape_on(const Cluster& cluster, const Job& job);
/// Whether the empty cluster holds it.
bool could_hold(const Cluster& cluster, const Shape& shape);

}  // namespace galley::simulation
