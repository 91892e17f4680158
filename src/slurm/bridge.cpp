#include "slurm/bridge.h"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/log.h"
#include "batch_script.h"
#include "bridge_impl.h"

namespace galley::slurm {

Result<std::unique_ptr<Bridge>> Bridge::start(BridgeOptions options) {
  auto version = Commands().read_version();
  if (!version && version.error().code == Errc::not_found)
    return Error{Errc::not_found, "Slurm's programs are not on this machine", "--slurm",
                 "sinfo, sbatch, squeue, scontrol and scancel in PATH",
                 "run this where people submit their jobs to Slurm"};
  auto partition = Commands().look_at_partition(options.partition);
  if (partition && partition->nodes == 0)
    return Error{Errc::invalid_argument,
                 "Slurm has no nodes in a partition named '" + options.partition + "'", "--slurm",
                 "the name of a partition, as sinfo shows them"};
  GALLEY_TRY(auto watch, FolderWatch::open());
  UniqueFd stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop) return system_error("eventfd", errno);
  auto impl = std::make_unique<Impl>(std::move(options), std::move(watch), std::move(stop));
  if (version) impl->version = *std::move(version);
  if (partition)
    impl->partition = *std::move(partition);
  else
    impl->fault = partition.error().message;
  // Where Slurm does not answer now, it is asked when it does.
  if (impl->fault.empty()) impl->read_max_array_size();
  impl->files_thread = std::thread([raw = impl.get()] { raw->serve_files(); });
  impl->jobs_thread = std::thread([raw = impl.get()] { raw->serve_jobs(); });
  return std::unique_ptr<Bridge>(new Bridge(std::move(impl)));
}

Bridge::Bridge(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Bridge::~Bridge() = default;

Bridge::Impl::~Impl() {
  {
    const std::lock_guard lock(mutex);
    stopping = true;
  }
  const std::uint64_t one = 1;
  (void)!::write(stop.get(), &one, sizeof one);
  changed.notify_all();
  watch.wake();
  if (files_thread.joinable()) files_thread.join();
  if (jobs_thread.joinable()) jobs_thread.join();
}

void Bridge::Impl::wake() {
  {
    const std::lock_guard lock(mutex);
    has_work = true;
  }
  changed.notify_all();
}

void Bridge::Impl::add(Tracked added) {
  const AttemptId attempt = added.assignment.attempt_id;
  {
    const std::lock_guard lock(mutex);
    unseen.insert(attempt);
    tracked.insert_or_assign(attempt, std::move(added));
    has_work = true;
  }
  changed.notify_all();
  watch.wake();
}

void Bridge::launch(const protocol::Assignment& assignment, process::AttemptSpec spec,
                    const std::filesystem::path& folder, Listener listener) {
  adapt(spec, assignment);
  impl_->add({.assignment = assignment,
              .folder = folder,
              .listener = std::move(listener),
              .spec = std::move(spec)});
}

void Bridge::adopt(const protocol::Assignment& assignment, const std::filesystem::path& folder,
                   Listener listener) {
  Tracked tracked{.assignment = assignment, .folder = folder, .listener = std::move(listener)};
  const auto record = read_submission(folder);
  if (!record) {
    log::warn("slurm", "looking for a job by its comment alone",
              {{"attempt", assignment.attempt_id.str()}, {"reason", describe(record.error())}});
    tracked.uncertain_since = system_clock().wall();
    tracked.note_unreadable = true;
  } else if (*record) {
    tracked.array = (*record)->array;
    tracked.job = (*record)->job.value_or(JobNumber{});
    if (!tracked.job) tracked.uncertain_since = (*record)->since;
  }
  impl_->add(std::move(tracked));
}

void Bridge::cancel(const AttemptId& attempt) {
  {
    const std::lock_guard lock(impl_->mutex);
    const auto found = impl_->tracked.find(attempt);
    if (found == impl_->tracked.end()) return;
    found->second.cancel_asked = true;
  }
  impl_->wake();
}

void Bridge::offer(protocol::NodeRecord& node) const {
  const std::lock_guard lock(impl_->mutex);
  const PartitionView& partition = impl_->partition;
  node.executor = protocol::Executor::slurm;
  node.devices.clear();
  node.topology.reset();
  node.cpus = partition.cpus;
  node.memory_bytes = partition.memory_bytes;
  node.load_1m = 0;
  node.cpu_used_ratio = 0;
  node.memory_used_bytes = 0;
  std::string gpus;
  for (const auto& [type, count] : partition.gpus)
    gpus += fmt::format(", {} GPUs{}", count, type.empty() ? "" : " " + type);
  node.notes = {
      fmt::format("Slurm {}, partition {}: {} of {} nodes usable{}", impl_->version,
                  impl_->options.partition.empty() ? "by default" : impl_->options.partition,
                  partition.usable_nodes, partition.nodes, gpus)};
  if (!impl_->fault.empty()) node.notes.push_back("Slurm does not answer: " + impl_->fault);
}

}  // namespace galley::slurm
