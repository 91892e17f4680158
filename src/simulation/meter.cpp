#include "meter.h"

#include <algorithm>

#include "seconds.h"

namespace galley::simulation {
namespace {

/// GPUs on nodes that could give a member of the shape; 0 when too few nodes could.
std::int32_t usable(const Machines& machines, const Shape& shape) {
  std::int32_t idle = 0;
  std::size_t nodes = 0;
  for (std::uint32_t node = 0; node < machines.node_count(); ++node)
    if (machines.fits(node, shape, shape.members.front())) {
      idle += machines.free_gpus(node);
      ++nodes;
    }
  return nodes >= shape.members.size() ? idle : 0;
}

}  // namespace

Meter::Meter(const Workload& workload) {
  std::vector<double> demand(workload.shapes.size());
  double total = 0;
  for (std::size_t i = 0; i < workload.trace.jobs.size(); ++i) {
    const auto shape = static_cast<std::size_t>(workload.shape_of[i]);
    const double gpu_seconds =
        seconds(workload.trace.jobs[i].duration) * workload.shapes[shape].gpus();
    demand[shape] += gpu_seconds;
    total += gpu_seconds;
  }
  for (std::size_t i = 0; i < demand.size(); ++i)
    if (demand[i] > 0) typical_.push_back({&workload.shapes[i], demand[i] / total});
  last_submit_ = workload.trace.jobs.back().submit;
}

double Meter::stranded(const Machines& machines) const {
  if (machines.free_gpus() == 0) return 0;
  double sum = 0;
  for (const Typical& typical : typical_)
    sum += typical.share * (machines.free_gpus() - usable(machines, *typical.shape));
  return sum;
}

void Meter::note(WallTime now, const Machines& machines, std::int64_t waiting) {
  capacity_ = machines.gpu_count();
  steps_.push_back({now, machines.gpu_count() - machines.free_gpus(),
                    static_cast<std::int32_t>(waiting), static_cast<float>(stranded(machines))});
}

void Meter::finish(Outcome& outcome, std::size_t slices) const {
  if (steps_.empty()) return;
  const WallTime begin = steps_.front().at;
  const WallTime end = steps_.back().at;
  Slices& out = outcome.slices;
  out.begin = begin;
  out.width = std::max(Millis{1}, (end - begin) / static_cast<std::int64_t>(slices) + Millis{1});
  out.busy_gpus.assign(slices, 0);
  out.waiting_jobs.assign(slices, 0);
  double busy = 0;
  double stranded = 0;
  for (std::size_t i = 0; i + 1 < steps_.size(); ++i) {
    const Step& step = steps_[i];
    const WallTime until = steps_[i + 1].at;
    if (step.at < last_submit_) {
      const double span = seconds(std::min(until, last_submit_) - step.at);
      busy += span * step.busy;
      stranded += span * static_cast<double>(step.stranded);
    }
    for (WallTime at = step.at; at < until;) {
      const auto slice = static_cast<std::size_t>((at - begin) / out.width);
      const WallTime stop =
          std::min(until, begin + out.width * (static_cast<std::int64_t>(slice) + 1));
      const double share =
          static_cast<double>((stop - at).count()) / static_cast<double>(out.width.count());
      out.busy_gpus[slice] += share * step.busy;
      out.waiting_jobs[slice] += share * step.waiting;
      at = stop;
    }
  }
  const double gpu_seconds = seconds(last_submit_ - begin) * capacity_;
  if (gpu_seconds > 0) {
    outcome.utilisation_ratio = busy / gpu_seconds;
    outcome.fragmentation_ratio = stranded / gpu_seconds;
  }
}

}  // namespace galley::simulation
