#include "variants.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/units.h"

namespace galley::scheduler {
namespace {

constexpr std::size_t kMostVariants = 16;

class Variants {
 public:
  Variants(State& state, const QueuedJob& job) : state_(state), job_(job) {}

  void fewer_gpus() {
    if (job_.resources.gpus < 2 || !job_.uneven_gpus.empty()) return;
    // As many as are free together, then the powers of two below.
    std::set<std::int64_t, std::greater<>> counts;
    for (std::int64_t gpus = job_.resources.gpus / 2; gpus >= 1; gpus /= 2) counts.insert(gpus);
    const Request member = state_.fleet.members(job_).front();
    for (std::int64_t gpus = std::min<std::int64_t>(job_.resources.gpus - 1, kMostGpusOfANode);
         gpus >= 1; --gpus) {
      Request fewer = member;
      fewer.gpus = static_cast<int>(std::min<std::int64_t>(gpus, kMostGpusOfANode + 1));
      if (!is_valid(fewer) || !state_.placer.choose(state_.fleet.pool(), fewer)) continue;
      counts.insert(gpus);
      break;
    }
    for (const std::int64_t gpus : counts) {
      QueuedJob changed = job_;
      changed.resources.gpus = gpus;
      add(std::move(changed), "fewer_gpus",
          fmt::format("{} GPU{} instead of {}", gpus, gpus == 1 ? "" : "s", job_.resources.gpus),
          {{"resources.gpus", std::to_string(gpus)}});
    }
  }

  void fewer_nodes() {
    for (std::int64_t nodes = job_.resources.nodes / 2; nodes >= 1; nodes /= 2) {
      QueuedJob changed = job_;
      changed.resources.nodes = nodes;
      add(std::move(changed), "fewer_gpus",
          fmt::format("{} node{} instead of {}", nodes, nodes == 1 ? "" : "s",
                      job_.resources.nodes),
          {{"resources.nodes", std::to_string(nodes)}});
    }
  }

  void other_type() {
    if (!job_.resources.gpu_type || job_.resources.gpus == 0) return;
    const auto own = state_.fleet.models(*job_.resources.gpu_type);
    std::vector<std::string> names = state_.fleet.model_names();
    std::ranges::sort(names);
    for (const std::string& name : names) {
      const auto model = state_.fleet.pool().find_model(name);
      if (std::ranges::binary_search(own, *model)) continue;
      QueuedJob changed = job_;
      changed.resources.gpu_type = name;
      add(std::move(changed), "other_gpu_type", "GPUs of type " + name,
          {{"resources.gpu_type", '"' + name + '"'}});
    }
  }

  void split() {
    if (job_.resources.gpus < 2 || !job_.uneven_gpus.empty()) return;
    for (std::int64_t parts = 2; parts <= std::min<std::int64_t>(job_.resources.gpus, 8);
         parts *= 2) {
      if (job_.resources.gpus % parts != 0) break;
      QueuedJob changed = job_;
      changed.resources.gpus /= parts;
      changed.resources.nodes *= parts;
      changed.resources.cpus = std::max<std::int64_t>(1, changed.resources.cpus / parts);
      const std::string gpus = std::to_string(changed.resources.gpus);
      const std::string nodes = std::to_string(changed.resources.nodes);
      const std::string cpus = std::to_string(changed.resources.cpus);
      add(std::move(changed), "split_over_nodes",
          fmt::format("{} GPU{} on each of {} nodes", gpus, gpus == "1" ? "" : "s", nodes),
          {{"resources.gpus", gpus}, {"resources.nodes", nodes}, {"resources.cpus", cpus}});
    }
  }

  void less_of_a_node() {
    const Request member = state_.fleet.members(job_).front();
    std::int64_t cpus = 0;
    std::int64_t memory_mib = 0;
    for (std::size_t i = 0; i < state_.fleet.size(); ++i) {
      const auto node = static_cast<NodeIndex>(i);
      Request gpus_alone = member;
      gpus_alone.cpu_milli = 0;
      gpus_alone.memory_mib = 0;
      const Pool& pool = state_.fleet.pool();
      if (!is_valid(gpus_alone) || !pool.fits(node, gpus_alone)) continue;
      if (pool.memory_free_mib(node) >= member.memory_mib)
        cpus = std::max(cpus, pool.cpu_free_milli(node) / 1000);
      if (pool.cpu_free_milli(node) >= member.cpu_milli)
        memory_mib = std::max(memory_mib, pool.memory_free_mib(node));
    }
    if (memory_mib > 0 && memory_mib < member.memory_mib) {
      QueuedJob changed = job_;
      changed.resources.memory.count = memory_mib << 20;
      const std::string size = format_bytes(changed.resources.memory.count);
      add(std::move(changed), "less_memory",
          size + " of memory instead of " + format_bytes(job_.resources.memory.count),
          {{"resources.memory", std::to_string(memory_mib << 20)}});
    }
    if (cpus > 0 && cpus * 1000 < member.cpu_milli) {
      QueuedJob changed = job_;
      changed.resources.cpus = cpus;
      add(std::move(changed), "fewer_processors",
          fmt::format("{} processors instead of {}", cpus, job_.resources.cpus),
          {{"resources.cpus", std::to_string(cpus)}});
    }
  }

  void idle_class() {
    if (job_.priority_class == protocol::PriorityClass::idle) return;
    QueuedJob changed = job_;
    changed.priority_class = protocol::PriorityClass::idle;
    add(std::move(changed), "idle_class",
        "the idle class: it may be stopped for others at any time",
        {{"priority_class", "\"idle\""}});
  }

  void other_team() {
    for (const auto& [name, team] : state_.teams) {
      if (name == job_.team || team.guarantees.empty()) continue;
      QueuedJob changed = job_;
      changed.team = name;
      add(std::move(changed), "other_team", "in team " + name + ", whose guaranteed GPUs are idle",
          {{"team", '"' + name + '"'}});
    }
  }

  void later_slot(std::optional<WallTime> start, WallTime now) {
    // A slot has an end, so it takes a stated runtime; and a moment for the submission itself.
    if (!start || *start <= now + std::chrono::minutes(1) || !job_.runtime) return;
    QueuedJob changed = job_;
    const Millis minute = std::chrono::minutes(1);
    changed.start_at = WallTime{(start->time_since_epoch() / minute + 1) * minute};
    const std::string at = to_rfc3339(*changed.start_at);
    add(std::move(changed), "later_slot", "booked for " + at + ", so that its time is certain",
        {{"start_at", '"' + at + '"'}}, true);
  }

  std::vector<Variant> take() {
    if (found_.size() > kMostVariants) found_.resize(kMostVariants);
    return std::move(found_);
  }

 private:
  void add(QueuedJob job, std::string kind, std::string change,
           std::vector<std::pair<std::string, std::string>> edits, bool booked = false) {
    job.id = JobId::trusted("variant");
    job.seq = std::numeric_limits<std::int64_t>::max();
    found_.push_back(
        {std::move(job), std::move(kind), std::move(change), std::move(edits), booked});
  }

  State& state_;
  const QueuedJob& job_;
  std::vector<Variant> found_;
};

}  // namespace

std::vector<Variant> variants_of(State& state, const QueuedJob& job, std::optional<WallTime> start,
                                 WallTime now) {
  Variants variants(state, job);
  variants.other_type();
  variants.split();
  variants.less_of_a_node();
  variants.fewer_gpus();
  variants.fewer_nodes();
  variants.idle_class();
  variants.other_team();
  variants.later_slot(start, now);
  return variants.take();
}

}  // namespace galley::scheduler
