// The half of the bridge that talks to Slurm.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "array_script.h"
#include "base/log.h"
#include "bridge_impl.h"

namespace galley::slurm {
namespace {

using protocol::AttemptState;
using std::chrono::steady_clock;

constexpr Millis kPartitionInterval{30'000};
// After an sbatch that Slurm may yet carry out nothing is decided for so much longer than its
// timeout: what it sent last may still lie in slurmctld's queue.
constexpr Millis kSubmitMargin{5'000};
// How long Slurm is asked what became of a job whose supervisor was told to stop by others.
constexpr Millis kWordPatience{30'000};
// Beyond the grace that a supervisor gives, for its own end.
constexpr Millis kForceMargin{10'000};
// Slurm answers one request at a time; ours may take a twentieth of its time.
constexpr int kPollShare = 20;
// slurmctld remembers a job for MinJobAge after its end, mostly minutes: what was last heard of so
// lately has not ended meanwhile and been forgotten.
constexpr Millis kFreshWord{30'000};

/// Whether its supervisor has, also where nobody has looked into the folder yet.
bool has_begun(const std::filesystem::path& folder) {
  std::error_code ignored;
  return std::filesystem::exists(folder / process::attempt_file::kPid, ignored);
}

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
                   return entry.second.job || entry.second.uncertain_since;
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

/// One step towards the end of each attempt whose end was asked for.
void Bridge::Impl::cancel_some() {
  const auto now = steady_clock::now();
  const auto wanted = ids_where([](const Tracked& one) { return one.cancel_asked && one.job; });
  for (const AttemptId& attempt : wanted) {
    JobNumber job;
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
                {{"job", to_string(job)}, {"reason", describe(sent.error())}});
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

/// What squeue said at one time.
struct Bridge::Impl::Listing {
  WallTime asked_at{};
  std::map<JobNumber, const JobView*> by_id{};
  std::map<std::string_view, const JobView*> by_comment{};  // of an array, any of its tasks

  std::optional<JobView> find(const JobNumber& id) const {
    const auto listed = by_id.find(id);
    return listed == by_id.end() ? std::nullopt : std::optional(*listed->second);
  }
  /// What is said of a task by the line that speaks for the rest of its array.
  std::optional<JobView> find_rest(const JobNumber& id) const {
    auto view = find({id.job});
    if (view) view->id = id;
    return view;
  }
  bool has_array(std::int64_t number) const {
    const auto first = by_id.lower_bound({number});
    return first != by_id.end() && first->first.job == number;
  }
};

void Bridge::Impl::hear(const std::vector<JobView>& jobs, WallTime asked_at) {
  Listing listing{.asked_at = asked_at};
  for (const JobView& job : jobs) {
    listing.by_id[job.id] = &job;
    listing.by_comment.emplace(job.comment, &job);
  }
  for (const AttemptId& attempt : ids_where([](const Tracked&) { return true; }))
    hear_one(attempt, listing);
}

void Bridge::Impl::hear_one(const AttemptId& attempt, const Listing& listing) {
  std::optional<SubmissionRecord> found_job;
  JobNumber id;
  std::filesystem::path folder;
  bool is_over = false;
  bool waits = false;
  bool is_late = false;  // nothing can come of its sbatch any more
  {
    const std::lock_guard lock(mutex);
    const auto found = tracked.find(attempt);
    if (found == tracked.end()) return;
    Tracked& one = found->second;
    folder = one.folder;
    if (!one.job && one.uncertain_since) {
      const auto known = listing.by_comment.find(one.array ? comment_of_array(one.array->name)
                                                           : comment_of(attempt));
      if (known != listing.by_comment.end()) {
        one.job = {known->second->id.job};
        if (one.array) one.job.task = one.array->index;
        found_job = SubmissionRecord{*one.uncertain_since, one.array, one.job};
        one.uncertain_since.reset();
      } else {
        is_late = listing.asked_at > *one.uncertain_since + options.submit_timeout + kSubmitMargin;
      }
    }
    waits = !one.began && (!one.view || phase_of(one.view->state) == Phase::waiting);
    id = one.job;
    is_over = one.over_since.has_value() && one.view && phase_of(one.view->state) == Phase::ended;
  }
  if (is_late && waits && !has_begun(folder)) return on_never_taken(attempt);
  if (found_job && !write_submission(folder, *found_job))
    log::warn("slurm", "a job's number could not be noted", {{"attempt", attempt.str()}});
  if (!id || is_over) return;
  if (const auto listed = listing.find(id)) return hear_of(attempt, listed);
  if (id.task && waits && !has_begun(folder))
    if (const auto rest = listing.find_rest(id)) return hear_of(attempt, rest);
  auto asked = commands.find_job(id);
  if (!asked) return;
  if (!*asked && listing.has_array(id.job)) *asked = vanished_task(attempt);
  hear_of(attempt, *asked);
}

/// Slurm has no job of what may have been submitted, and will not have one.
void Bridge::Impl::on_never_taken(const AttemptId& attempt) {
  {
    const std::lock_guard lock(mutex);
    const auto found = tracked.find(attempt);
    if (found == tracked.end()) return;
    Tracked& one = found->second;
    if (!one.note_unreadable) {
      one.uncertain_since.reset();
      if (std::exchange(one.array, std::nullopt)) one.alone = true;
      has_work = true;
      return;
    }
  }
  // It may stand in an array, which no comment tells: started again as another attempt, perhaps.
  finish_as(attempt, AttemptState::lost,
            "what was noted of its job in Slurm cannot be read, and no job names it");
}

/// What became of a task that its array does not have any more.
std::optional<JobView> Bridge::Impl::vanished_task(const AttemptId& attempt) {
  const std::lock_guard lock(mutex);
  const auto found = tracked.find(attempt);
  if (found == tracked.end()) return std::nullopt;
  const Tracked& one = found->second;
  const bool waited = one.view && phase_of(one.view->state) == Phase::waiting && !one.began;
  if (!waited || steady_clock::now() > one.heard_at + kFreshWord) return std::nullopt;
  // One that is cancelled while it waits leaves no trace in slurmctld; one that has begun does.
  return JobView{.id = one.job, .state = "CANCELLED"};
}

/// Nothing: Slurm does not know the job any more.
void Bridge::Impl::hear_of(const AttemptId& attempt, const std::optional<JobView>& view) {
  {
    const std::lock_guard lock(mutex);
    const auto found = tracked.find(attempt);
    if (found == tracked.end()) return;
    Tracked& one = found->second;
    if (view) {
      one.view = view;
      one.heard_at = steady_clock::now();
    }
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
    if (seen) partition = *seen;
    ask_version = version.empty();
  }
  if (seen && !max_array_size) read_max_array_size();
  if (!ask_version) return;
  if (auto read = commands.read_version()) {
    const std::lock_guard lock(mutex);
    version = *std::move(read);
  }
}

void Bridge::Impl::read_max_array_size() {
  if (const auto read = commands.read_max_array_size()) max_array_size = *read;
}

}  // namespace galley::slurm
