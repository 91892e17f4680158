// The half of the bridge that talks to Slurm.
#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/log.h"
#include "batch_script.h"
#include "bridge_impl.h"

namespace galley::slurm {
namespace {

using protocol::AttemptState;
using std::chrono::steady_clock;

constexpr Millis kPartitionInterval{30'000};
// After an sbatch that Slurm may yet carry out nothing is decided for so much longer than its
// timeout: what it sent last may still lie in slurmctld's queue.
constexpr Millis kSubmitMargin{5'000};
constexpr Millis kFirstPause{1'000};
constexpr Millis kLongestPause{30'000};
// How long Slurm is asked what became of a job whose supervisor was told to stop by others.
constexpr Millis kWordPatience{30'000};
// Beyond the grace that a supervisor gives, for its own end.
constexpr Millis kForceMargin{10'000};
// Slurm answers one request at a time; ours may take a twentieth of its time.
constexpr int kPollShare = 20;
// Then jobs that wait for their end are looked at before more are submitted.
constexpr std::size_t kMostSubmissions = 64;

}  // namespace

std::vector<AttemptId> Bridge::Impl::ids_where(const std::function<bool(const Tracked&)>& holds) {
  std::vector<AttemptId> ids;
  const std::lock_guard lock(mutex);
  for (const auto& [attempt, one] : tracked)
    if (holds(one)) ids.push_back(attempt);
  return ids;
}

void Bridge::Impl::serve_jobs() {
  for (;;) {
    submit_some();
    cancel_some();
    bool poll_now = false;
    bool look_now = false;
    {
      const std::lock_guard lock(mutex);
      if (stopping) return;
      const auto now = steady_clock::now();
      poll_now = now >= poll_at && std::ranges::any_of(tracked, [](const auto& entry) {
                   return entry.second.job != 0 || entry.second.uncertain_since;
                 });
      look_now = now >= partition_at;
    }
    if (poll_now) poll();
    if (look_now) look_at_partition();
    settle();
    std::unique_lock lock(mutex);
    const auto idle_until = steady_clock::now() + options.poll_interval;
    const auto until = tracked.empty() ? partition_at : std::max(poll_at, idle_until);
    changed.wait_until(lock, until, [&] { return stopping || has_work; });
    has_work = false;
    if (stopping) return;
  }
}

void Bridge::Impl::submit_some() {
  const auto now = steady_clock::now();
  auto fresh = ids_where([&](const Tracked& one) {
    return one.job == 0 && !one.uncertain_since && (one.cancel_asked || one.retry_at <= now);
  });
  if (fresh.size() > kMostSubmissions) {
    fresh.resize(kMostSubmissions);
    wake();
  }
  for (const AttemptId& attempt : fresh) submit_one(attempt);
}

/// Everything that must be on disk before Slurm hears of the attempt.
Status Bridge::Impl::prepare(const Tracked& one, SubmissionRecord& record) const {
  if (one.spec) {
    GALLEY_TRY_STATUS(process::check_spec(*one.spec));
    GALLEY_TRY_STATUS(make_folders(one.folder));
    GALLEY_TRY_STATUS(write_file_atomic(one.folder / process::attempt_file::kSpec,
                                        process::print_spec(*one.spec), Durability::disk, 0600));
  }
  record.since = system_clock().wall();
  return write_submission(one.folder, record);
}

void Bridge::Impl::submit_one(const AttemptId& attempt) {
  std::optional<Tracked> one;
  PartitionView view;
  {
    const std::lock_guard lock(mutex);
    const auto found = tracked.find(attempt);
    if (stopping || found == tracked.end()) return;
    one = found->second;
    view = partition;
  }
  if (one->cancel_asked)
    return finish_as(attempt, AttemptState::cancelled, "cancelled before it was in Slurm");
  SubmissionRecord record;
  if (auto prepared = prepare(*one, record); !prepared)
    return finish_as(attempt, AttemptState::failed, describe(prepared.error()));
  watch.add(attempt, one->folder);
  const Submission submission{one->assignment, one->folder, options.supervisor_program,
                              options.partition, options.sbatch_arguments};
  const auto answer = commands.submit(sbatch_arguments(submission, view), batch_script(submission),
                                      options.submit_timeout);
  if (const auto* refused = std::get_if<Refused>(&answer))
    return on_refused(attempt, *refused, record.since);
  record.job = std::get<std::int64_t>(answer);
  if (auto written = write_submission(one->folder, record); !written)
    log::warn("slurm", "a job's number could not be noted; it is found by its comment",
              {{"attempt", attempt.str()}, {"reason", describe(written.error())}});
  {
    const std::lock_guard lock(mutex);
    const auto found = tracked.find(attempt);
    if (found == tracked.end()) return;
    found->second.spec.reset();
    found->second.job = *record.job;
    found->second.view = JobView{.id = *record.job, .state = "PENDING"};
  }
  tell_waits(attempt, describe_wait({.id = *record.job, .state = "PENDING"}));
}

void Bridge::Impl::on_refused(const AttemptId& attempt, const Refused& refused, WallTime since) {
  if (refused.kind == Refusal::final)
    return finish_as(attempt, AttemptState::failed, "Slurm refused it: " + refused.reason);
  {
    const std::lock_guard lock(mutex);
    const auto found = tracked.find(attempt);
    if (found == tracked.end()) return;
    Tracked& one = found->second;
    one.spec.reset();  // it is written
    if (refused.kind == Refusal::uncertain) one.uncertain_since = since;
    one.pause = one.pause == Millis{0} ? kFirstPause : std::min(one.pause * 2, kLongestPause);
    one.retry_at = steady_clock::now() + one.pause;
  }
  tell_waits(attempt, "waits for Slurm to take it: " + refused.reason);
}

/// One step towards the end of each attempt whose end was asked for.
void Bridge::Impl::cancel_some() {
  const auto now = steady_clock::now();
  const auto wanted =
      ids_where([](const Tracked& one) { return one.cancel_asked && one.job != 0; });
  for (const AttemptId& attempt : wanted) {
    std::int64_t job = 0;
    bool waits = false;
    bool ask = false;
    bool force = false;
    {
      const std::lock_guard lock(mutex);
      const auto found = tracked.find(attempt);
      if (found == tracked.end()) continue;
      Tracked& one = found->second;
      if (one.over_since) continue;
      job = one.job;
      const Phase phase = one.view ? phase_of(one.view->state) : Phase::waiting;
      waits = !one.began && phase == Phase::waiting;
      ask = !waits && !one.was_asked_to_stop;
      force = one.was_asked_to_stop && one.force_at && now >= *one.force_at;
      if (!waits && !one.force_at) {
        one.was_asked_to_stop = true;
        one.force_at = now + one.assignment.spec.grace + kForceMargin;
      }
      if (force) one.force_at = now + kForceMargin;
    }
    Status sent = ok();
    if (waits) sent = commands.cancel_pending(job);
    if (ask) sent = commands.ask_to_stop(job);
    if (force) sent = commands.cancel_job(job);
    if (!sent)
      log::warn("slurm", "a job could not be cancelled and is asked again",
                {{"job", std::to_string(job)}, {"reason", describe(sent.error())}});
    const std::lock_guard lock(mutex);
    if (ask && !sent)
      if (const auto found = tracked.find(attempt); found != tracked.end())
        found->second.was_asked_to_stop = false, found->second.force_at.reset();
    if (waits || ask || force) poll_at = {};
  }
}

void Bridge::Impl::poll() {
  const auto begin = steady_clock::now();
  const WallTime asked_at = system_clock().wall();
  const auto jobs = commands.list_jobs();
  const auto took = std::chrono::ceil<Millis>(steady_clock::now() - begin);
  {
    const std::lock_guard lock(mutex);
    poll_at = steady_clock::now() + std::max(options.poll_interval, took * kPollShare);
    fault = jobs ? std::string{} : jobs.error().message;
  }
  if (jobs) hear(*jobs, asked_at);
}

void Bridge::Impl::hear(const std::vector<JobView>& jobs, WallTime asked_at) {
  std::map<std::int64_t, const JobView*> by_id;
  std::map<std::string_view, const JobView*> by_comment;
  for (const JobView& job : jobs) {
    by_id[job.id] = &job;
    by_comment.emplace(job.comment, &job);
  }
  for (const AttemptId& attempt : ids_where([](const Tracked&) { return true; })) {
    std::optional<SubmissionRecord> found_job;
    std::int64_t id = 0;
    std::filesystem::path folder;
    bool is_over = false;
    {
      const std::lock_guard lock(mutex);
      const auto found = tracked.find(attempt);
      if (found == tracked.end()) continue;
      Tracked& one = found->second;
      folder = one.folder;
      if (one.job == 0 && one.uncertain_since) {
        const auto known = by_comment.find(comment_of(attempt));
        if (known != by_comment.end()) {
          one.job = known->second->id;
          found_job = SubmissionRecord{*one.uncertain_since, one.job};
          one.uncertain_since.reset();
        } else if (asked_at > *one.uncertain_since + options.submit_timeout + kSubmitMargin &&
                   !one.began) {
          one.uncertain_since.reset();  // Slurm never took it
          has_work = true;
        }
      }
      id = one.job;
      is_over = one.over_since.has_value() && one.view && phase_of(one.view->state) == Phase::ended;
    }
    if (found_job && !write_submission(folder, *found_job))
      log::warn("slurm", "a job's number could not be noted", {{"attempt", attempt.str()}});
    if (id == 0 || is_over) continue;
    const auto listed = by_id.find(id);
    if (listed != by_id.end()) {
      hear_of(attempt, *listed->second);
      continue;
    }
    auto asked = commands.find_job(id);
    if (asked) hear_of(attempt, *asked);
  }
}

/// Nothing: Slurm does not know the job any more.
void Bridge::Impl::hear_of(const AttemptId& attempt, const std::optional<JobView>& view) {
  {
    const std::lock_guard lock(mutex);
    const auto found = tracked.find(attempt);
    if (found == tracked.end()) return;
    Tracked& one = found->second;
    if (view) one.view = view;
    if (!view || phase_of(view->state) == Phase::ended) {
      if (!one.over_since) one.over_since = steady_clock::now();
      unseen.insert(attempt);
    }
  }
  if (view && phase_of(view->state) != Phase::ended)
    return tell_waits(attempt, describe_wait(*view));
  watch.wake();
}

void Bridge::Impl::tell_waits(const AttemptId& attempt, std::string reason) {
  std::function<void(std::string)> waits;
  {
    const std::lock_guard lock(mutex);
    const auto found = tracked.find(attempt);
    if (found == tracked.end() || found->second.began || found->second.told == reason) return;
    found->second.told = reason;
    waits = found->second.listener.waits;
  }
  waits(std::move(reason));
}

/// Ends what nobody will say more about. An exit status that comes in time ends it before.
void Bridge::Impl::settle() {
  const auto now = steady_clock::now();
  for (const AttemptId& attempt :
       ids_where([](const Tracked& one) { return one.over_since.has_value(); })) {
    std::optional<process::AttemptExit> exit;
    std::optional<JobView> view;
    bool due = false;
    {
      const std::lock_guard lock(mutex);
      const auto found = tracked.find(attempt);
      if (found == tracked.end()) continue;
      const Tracked& one = found->second;
      const bool said = one.view && phase_of(one.view->state) == Phase::ended;
      const bool never_ran = said && !one.began && one.view->nodes.empty();
      exit = one.exit;
      if (said) view = one.view;
      due = exit ? said || now > *one.over_since + kWordPatience
                 : never_ran || now > *one.over_since + options.file_patience;
    }
    if (!due) continue;
    if (view && !view->exit_code && !view->signal && !exit)
      if (auto details = commands.find_job(view->id); details && *details) {
        const std::lock_guard lock(mutex);
        if (const auto found = tracked.find(attempt); found != tracked.end())
          found->second.view = *details;
      }
    finish(attempt, exit);
  }
}

void Bridge::Impl::look_at_partition() {
  auto seen = commands.look_at_partition(options.partition);
  std::string found_version;
  bool ask_version = false;
  {
    const std::lock_guard lock(mutex);
    partition_at = steady_clock::now() + kPartitionInterval;
    fault = seen ? std::string{} : seen.error().message;
    if (seen) partition = *std::move(seen);
    ask_version = version.empty();
  }
  if (!ask_version) return;
  if (auto read = commands.read_version()) {
    const std::lock_guard lock(mutex);
    version = *std::move(read);
  }
}

}  // namespace galley::slurm
