#include "jobs.h"

namespace galley::scheduler {

double gpus_of(const Job& job) {
  const protocol::Resources& resources = job.spec.resources;
  const double part = static_cast<double>(resources.gpu_milli.value_or(kWholeGpuMilli)) / 1000.0;
  if (job.spec.uneven_gpus.empty())
    return static_cast<double>(resources.gpus * resources.nodes) * part;
  double gpus = 0;
  for (const std::int64_t member : job.spec.uneven_gpus) gpus += static_cast<double>(member);
  return gpus;
}

JobIndex Jobs::add(QueuedJob spec) {
  JobIndex index{};
  if (unused_.empty()) {
    index = static_cast<JobIndex>(slots_.size());
    slots_.emplace_back();
  } else {
    index = unused_.back();
    unused_.pop_back();
  }
  index_of_.emplace(spec.id, index);
  Job& job = slots_[static_cast<std::size_t>(index)].emplace();
  job.spec = std::move(spec);
  return index;
}

void Jobs::remove(JobIndex index) {
  auto& slot = slots_[static_cast<std::size_t>(index)];
  index_of_.erase(slot->spec.id);
  if (const auto known = index_of_seq_.find(slot->spec.seq);
      known != index_of_seq_.end() && known->second == index)
    index_of_seq_.erase(known);
  slot.reset();
  unused_.push_back(index);
}

std::optional<JobIndex> Jobs::find(const JobId& id) const {
  const auto found = index_of_.find(id);
  if (found == index_of_.end()) return std::nullopt;
  return found->second;
}

void Jobs::remember_seq(JobIndex index) { index_of_seq_.emplace((*this)[index].spec.seq, index); }

std::optional<JobIndex> Jobs::find(JobSeq seq) const {
  const auto found = index_of_seq_.find(seq);
  if (found == index_of_seq_.end()) return std::nullopt;
  return found->second;
}

}  // namespace galley::scheduler
