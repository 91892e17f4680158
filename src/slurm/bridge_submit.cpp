// The part of the bridge that gives attempts to Slurm.
#include <algorithm>
#include <span>

#include "array_script.h"
#include "base/file.h"
#include "base/log.h"
#include "bridge_impl.h"

namespace galley::slurm {
namespace {

using protocol::AttemptState;
using std::chrono::steady_clock;

constexpr Millis kFirstPause{1'000};
constexpr Millis kLongestPause{30'000};
// Of one round: then jobs that wait for their end are looked at before more are submitted.
constexpr std::size_t kMostSubmissions = 64;
constexpr std::size_t kMostWishes = 1'000;
// Of the time that sbatch has: for the notes before it, which on a network disk take a while.
constexpr int kNoteShare = 4;
// Slurm's default, until the site's own is known.
constexpr std::int64_t kSlurmsArraySize = 1'001;

std::vector<Submission> submissions_of(const std::vector<Tracked>& members,
                                       const BridgeOptions& options) {
  std::vector<Submission> made;
  for (const Tracked& one : members)
    made.push_back({one.assignment, one.folder, options.supervisor_program, options.partition,
                    options.sbatch_arguments});
  return made;
}

}  // namespace

/// Attempts on their way into one sbatch.
struct Bridge::Impl::Outgoing {
  std::vector<Tracked> members;
  std::string array{};  // its name; empty: one attempt, as a job of its own
  WallTime since{};     // sbatch may have been started since then
  Instant noted_at{};   // the same

  SubmissionRecord record_of(std::size_t index) const {
    SubmissionRecord record{.since = since};
    if (!array.empty()) record.array = ArrayPlace{array, static_cast<std::int64_t>(index)};
    return record;
  }
};

void Bridge::Impl::submit_some() {
  const auto now = steady_clock::now();
  auto due = ids_where([&](const Tracked& one) {
    return !one.job && !one.uncertain_since && (one.cancel_asked || one.retry_at <= now);
  });
  if (due.empty()) return;
  bool is_cut = due.size() > kMostWishes;
  if (is_cut) due.resize(kMostWishes);
  std::vector<Wish> wishes;
  {
    const std::lock_guard lock(mutex);
    for (const AttemptId& attempt : due) {
      Wish wish;  // as it is: one that submit() only has to tell of its end
      const auto found = tracked.find(attempt);
      if (found != tracked.end() && !found->second.cancel_asked) {
        const Tracked& one = found->second;
        const Submission submission{one.assignment, one.folder, options.supervisor_program,
                                    options.partition, options.sbatch_arguments};
        wish.request = request_arguments(submission, partition);
        wish.script_bytes = array_script_bytes(submission);
        // A gang's srun and its meeting place count on a job that is one.
        wish.alone = one.alone || one.assignment.spec.resources.nodes != 1;
      }
      wishes.push_back(std::move(wish));
    }
  }
  ArrayLimits limits;
  limits.members = std::min(limits.members, static_cast<std::size_t>(std::max<std::int64_t>(
                                                max_array_size.value_or(kSlurmsArraySize), 1)));
  auto groups = group_wishes(wishes, limits);
  if (groups.size() > kMostSubmissions) {
    groups.resize(kMostSubmissions);
    is_cut = true;
  }
  for (const auto& group : groups) {
    std::vector<AttemptId> attempts;
    for (const std::size_t index : group) attempts.push_back(due[index]);
    // A Slurm that is full or away may keep each sbatch for its whole time: then there is a look at
    // what runs before the next.
    if (submit(attempts)) continue;
    is_cut = true;
    break;
  }
  if (is_cut) wake();
}

/// Copies of those that are still to be submitted; the ones whose end was asked for have one.
std::vector<Tracked> Bridge::Impl::still_wanted(const std::vector<AttemptId>& group) {
  std::vector<Tracked> wanted;
  std::vector<AttemptId> cancelled;
  {
    const std::lock_guard lock(mutex);
    if (stopping) return wanted;
    for (const AttemptId& attempt : group) {
      const auto found = tracked.find(attempt);
      if (found == tracked.end()) continue;
      if (found->second.cancel_asked)
        cancelled.push_back(attempt);
      else
        wanted.push_back(found->second);
    }
  }
  for (const AttemptId& attempt : cancelled)
    finish_as(attempt, AttemptState::cancelled, "cancelled before it was in Slurm");
  return wanted;
}

/// The orders of their supervisors, which must be on disk before Slurm hears of the attempts.
void Bridge::Impl::prepare(Outgoing& outgoing) {
  std::erase_if(outgoing.members, [&](const Tracked& one) {
    const auto write = [&]() -> Status {
      if (!one.spec) return ok();  // it was written before
      GALLEY_TRY_STATUS(process::check_spec(*one.spec));
      GALLEY_TRY_STATUS(make_folders(one.folder));
      return write_file_atomic(one.folder / process::attempt_file::kSpec,
                               process::print_spec(*one.spec), Durability::disk, 0600);
    };
    const auto written = write();
    if (!written)
      finish_as(one.assignment.attempt_id, AttemptState::failed, describe(written.error()));
    return !written;
  });
}

/// Notes in each folder that sbatch is about to be started. Those for whom the time did not suffice
/// stay as they were and are not among the members any more.
void Bridge::Impl::note(Outgoing& outgoing) {
  outgoing.noted_at = steady_clock::now();
  outgoing.since = system_clock().wall();
  if (outgoing.members.size() > 1)
    outgoing.array =
        array_name(outgoing.members.front().assignment.attempt_id, to_ms(outgoing.since));
  const auto until = outgoing.noted_at + options.submit_timeout / kNoteShare;
  std::vector<Tracked> noted;
  std::set<std::filesystem::path> parents;
  for (Tracked& one : outgoing.members) {
    if (!noted.empty() && steady_clock::now() > until) {
      wake();
      break;
    }
    const auto written = write_submission(one.folder, outgoing.record_of(noted.size()));
    if (!written) {
      finish_as(one.assignment.attempt_id, AttemptState::failed, describe(written.error()));
      continue;
    }
    parents.insert(one.folder.parent_path());
    noted.push_back(std::move(one));
  }
  outgoing.members = std::move(noted);
  // The folders' own names: nothing is submitted whose folder a power cut would take.
  Status synced = ok();
  for (const auto& parent : parents)
    if (synced) synced = sync_folder(parent);
  if (synced) return;
  for (const Tracked& one : outgoing.members)
    finish_as(one.assignment.attempt_id, AttemptState::failed, describe(synced.error()));
  outgoing.members.clear();
}

std::variant<std::int64_t, Refused> Bridge::Impl::send(const Outgoing& outgoing) {
  PartitionView view;
  {
    const std::lock_guard lock(mutex);
    view = partition;
  }
  // Whoever finds the notes counts the time of sbatch from them.
  const auto left =
      options.submit_timeout - std::chrono::ceil<Millis>(steady_clock::now() - outgoing.noted_at);
  if (left < options.submit_timeout / 2)
    return Refused{Refusal::passing, "the disk of the data folder is slow"};
  const auto submissions = submissions_of(outgoing.members, options);
  if (outgoing.array.empty())
    return commands.submit(sbatch_arguments(submissions.front(), view),
                           batch_script(submissions.front()), left);
  return commands.submit(array_arguments(submissions, outgoing.array, view),
                         array_script(submissions), left);
}

bool Bridge::Impl::submit(const std::vector<AttemptId>& group) {
  Outgoing outgoing{.members = still_wanted(group)};
  prepare(outgoing);
  note(outgoing);
  if (outgoing.members.empty()) return true;
  for (const Tracked& one : outgoing.members) watch.add(one.assignment.attempt_id, one.folder);
  const auto answer = send(outgoing);
  const auto* refused = std::get_if<Refused>(&answer);
  for (std::size_t i = 0; i < outgoing.members.size(); ++i) {
    SubmissionRecord record = outgoing.record_of(i);
    if (refused != nullptr) {
      on_refused(outgoing.members[i], *refused, record);
      continue;
    }
    record.job = JobNumber{std::get<std::int64_t>(answer)};
    if (record.array) record.job->task = record.array->index;
    on_submitted(outgoing.members[i], std::move(record));
  }
  return refused == nullptr || refused->kind == Refusal::final;
}

void Bridge::Impl::on_submitted(const Tracked& one, SubmissionRecord record) {
  const AttemptId& attempt = one.assignment.attempt_id;
  if (auto written = write_submission(one.folder, record); !written)
    log::warn("slurm", "a job's number could not be noted; it is found by its comment",
              {{"attempt", attempt.str()}, {"reason", describe(written.error())}});
  const JobView view{.id = *record.job, .state = "PENDING"};
  {
    const std::lock_guard lock(mutex);
    const auto found = tracked.find(attempt);
    if (found == tracked.end()) return;
    found->second.spec.reset();
    found->second.job = *record.job;
    found->second.array = record.array;
    found->second.view = view;
    found->second.heard_at = steady_clock::now();
  }
  tell_waits(attempt, describe_wait(view));
}

void Bridge::Impl::on_refused(const Tracked& refused_one, const Refused& refused,
                              const SubmissionRecord& record) {
  const AttemptId& attempt = refused_one.assignment.attempt_id;
  if (refused.kind == Refusal::final && !record.array)
    return finish_as(attempt, AttemptState::failed, "Slurm refused it: " + refused.reason);
  {
    const std::lock_guard lock(mutex);
    const auto found = tracked.find(attempt);
    if (found == tracked.end()) return;
    Tracked& one = found->second;
    one.spec.reset();  // it is written
    if (refused.kind == Refusal::final) {
      // Limits count tasks, and a site may allow no arrays: by itself each may pass.
      one.alone = true;
      has_work = true;
      return;
    }
    if (refused.kind == Refusal::uncertain) {
      one.uncertain_since = record.since;
      one.array = record.array;
    }
    one.pause = one.pause == Millis{0} ? kFirstPause : std::min(one.pause * 2, kLongestPause);
    one.retry_at = steady_clock::now() + one.pause;
  }
  tell_waits(attempt, "waits for Slurm to take it: " + refused.reason);
}

}  // namespace galley::slurm
