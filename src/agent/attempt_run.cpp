#include "attempt_run.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "agent/ending_report.h"
#include "attempt_checkpoint.h"
#include "attempt_spec.h"
#include "base/log.h"
#include "process/log_reader.h"

namespace galley::agent {
namespace {

namespace fs = std::filesystem;
using protocol::AttemptState;

// Processes that do not die hang in the kernel; their devices stay taken until they do.
constexpr Millis kCleanUpPause{5'000};

std::optional<std::string> our_variable(const char* name) {
  // The agent's process never changes its environment once threads run.
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

fs::path folder_of(const Options& options, const protocol::Assignment& assignment) {
  const fs::path attempt = options.data_folder / "attempts" / assignment.attempt_id.str();
  std::error_code ignored;
  // An agent from before this rule has begun it in the other place.
  const bool begun = fs::exists(attempt / process::attempt_file::kSpec, ignored);
  if (!options.shares_data_folder || begun) return attempt;
  return process::member_folder(attempt, assignment.rank);
}

/// The supervisor writes its record just before it starts the command.
std::optional<WallTime> start_time(const fs::path& folder) {
  struct stat info {};
  if (::stat((folder / process::attempt_file::kPid).c_str(), &info) != 0) return std::nullopt;
  return from_ms(std::int64_t{info.st_mtim.tv_sec} * 1000 + info.st_mtim.tv_nsec / 1'000'000);
}

}  // namespace

AttemptRun::AttemptRun(const AttemptWorld& world, Agent::Assigned assigned, EventLoop::Token token,
                       Later later)
    : world_(world),
      assigned_(std::move(assigned)),
      token_(token),
      later_(std::move(later)),
      folder_(folder_of(world.options, assigned_.assignment)),
      workdir_(workdir_of(assigned_.assignment.spec, folder_)) {}

AttemptRun::~AttemptRun() {
  if (image_ticket_) world_.images.leave(*image_ticket_);
  if (handle_ && handle_->exit_fd() >= 0) world_.loop.unwatch_exit(handle_->exit_fd());
}

void AttemptRun::begin() {
  world_.data_sets.hold(references(), id().str());
  if (world_.options.runner != nullptr) return begin_elsewhere();
  std::error_code error;
  if (!fs::exists(folder_, error)) {
    if (assigned_.expected_running) return end_lost("the attempt's folder is gone");
    return prepare();
  }
  auto adopted = process::AttemptHandle::adopt(folder_);
  if (adopted) return follow(*std::move(adopted));
  // We were killed between making the folder and starting anything in it.
  if (adopted.error().code == Errc::not_found && !assigned_.expected_running) return prepare();
  end_lost(describe(adopted.error()));
}

void AttemptRun::prepare() {
  if (references().empty()) return prepare_image({});
  world_.slow.run([world = world_, later = later_, wanted = references(), holder = id().str()] {
    auto sets = world.data_sets.prepare(
        wanted, [&](std::string_view reference) { return world.link.dataset(reference); },
        world.blobs, holder,
        [&](const blobs::Manifest& manifest) { world.link.dataset_stored(manifest); });
    later([sets = std::move(sets)](AttemptRun& run) mutable {
      if (sets) return run.prepare_image(*std::move(sets));
      if (!run.must_repeat_preparing(sets.error()))
        run.end_as(AttemptState::failed, describe(sets.error()));
    });
  });
}

/// A controller that cannot answer now says nothing about the job.
bool AttemptRun::must_repeat_preparing(const Error& error) {
  if (end_ || (error.code != Errc::unavailable && error.code != Errc::rate_limited &&
               error.code != Errc::timeout))
    return false;
  prepare_again_ = true;
  wake_in(next_pause());
  return true;
}

void AttemptRun::launch(std::vector<DataSet> data_sets) {
  if (end_) return;  // cancelled meanwhile
  if (!account_found_) return find_account(std::move(data_sets));
  if (world_.options.runner != nullptr) return launch_elsewhere(std::move(data_sets));
  if (assigned_.assignment.spec.secrets.empty()) return start(std::move(data_sets), {});
  world_.slow.run([world = world_, later = later_, attempt = id(), sets = std::move(data_sets),
                   rank = assigned_.assignment.rank]() mutable {
    auto secrets = world.link.secrets(attempt, rank);
    later([sets = std::move(sets), secrets = std::move(secrets)](AttemptRun& run) mutable {
      if (secrets) return run.start(std::move(sets), *std::move(secrets));
      if (!run.must_repeat_preparing(secrets.error()))
        run.end_as(AttemptState::failed, describe(secrets.error()));
    });
  });
}

void AttemptRun::find_account(std::vector<DataSet> data_sets) {
  account_found_ = true;
  if (world_.options.jobs_as.who == JobsAs::Who::agent) return launch(std::move(data_sets));
  world_.slow.run([world = world_, later = later_, user = assigned_.assignment.user,
                   sets = std::move(data_sets)]() mutable {
    auto account = account_of_job(world.options.jobs_as, user, world.options.find_account);
    later([sets = std::move(sets), account = std::move(account)](AttemptRun& run) mutable {
      if (!account) {
        run.account_found_ = false;
        if (!run.must_repeat_preparing(account.error()))
          run.end_as(AttemptState::failed, describe(account.error()));
        return;
      }
      run.account_ = *std::move(account);
      run.launch(std::move(sets));
    });
  });
}

void AttemptRun::start(std::vector<DataSet> data_sets, std::vector<std::string> secrets) {
  if (end_) return;  // cancelled meanwhile
  // The other engines pass on by name what their command was given.
  if (container_ && container_->engine.program.kind == EngineKind::apptainer)
    for (std::string& secret : secrets) secret.insert(0, "APPTAINERENV_");
  auto handle = start_supervisor(std::move(data_sets), secrets);
  if (handle) return follow(*std::move(handle));
  end_as(AttemptState::failed, describe(handle.error()));
}

Result<process::AttemptSpec> AttemptRun::make_spec(std::vector<DataSet> data_sets) {
  AttemptPlace place{.folder = folder_,
                     .server = world_.options.server,
                     .token = {},
                     .account = account_,
                     .gpus = {},
                     .data_sets = std::move(data_sets),
                     .container = container_};
  if (world_.options.runner == nullptr)
    place.programs = world_.options.supervisor_program.parent_path();
  if (world_.options.runner == nullptr) place.gpus = find_gpu_devices(world_.options.nvidia_driver);
  if (world_.options.job_token) place.token = world_.options.job_token(assigned_.assignment);
  place.checkpoint = checkpoint_place(assigned_.assignment.spec, place);
  protocol::Assignment assignment = assigned_.assignment;
  name_checkpoint(assignment.spec, place.checkpoint);
  GALLEY_TRY(auto spec, make_attempt_spec(assignment, place, our_variable));
  GALLEY_TRY_STATUS(process::check_spec(spec));
  GALLEY_TRY(const auto variables, container_file_text(assignment, place));
  if (!variables.empty())
    GALLEY_TRY_STATUS(
        write_file_atomic(container_file(folder_), variables, Durability::memory, 0600));
  GALLEY_TRY_STATUS(make_workdir());
  return spec;
}

/// The attempt's own folder stays ours, or its program could write how it ended.
Status AttemptRun::make_workdir() const {
  const bool its_own = !assigned_.assignment.spec.workdir || container_;
  const fs::path work = folder_ / "work";
  GALLEY_TRY_STATUS(make_folders(its_own ? work : folder_));
  if (!account_) return ok();
  bool given = ::chmod(folder_.c_str(), 0711) == 0;
  if (given && its_own)
    given = ::chmod(work.c_str(), 0700) == 0 &&
            ::lchown(work.c_str(), account_->uid, account_->gid) == 0;
  if (given) return ok();
  return system_error("cannot give " + folder_.string() + " to " + account_->name, errno);
}

Result<process::AttemptHandle> AttemptRun::start_supervisor(
    std::vector<DataSet> data_sets, const std::vector<std::string>& secrets) {
  GALLEY_TRY(const auto spec, make_spec(std::move(data_sets)));
  return process::AttemptHandle::launch(folder_, spec, world_.options.supervisor_program, secrets);
}

void AttemptRun::begin_following() {
  const auto& assignment = assigned_.assignment;
  follower_.emplace(AttemptFollower::Subject{assignment.attempt_id, assignment.job_id,
                                             assignment.run_id, workdir_},
                    assigned_.progress_offset);
}

void AttemptRun::follow(process::AttemptHandle handle) {
  handle_ = std::make_shared<process::AttemptHandle>(std::move(handle));
  const auto& assignment = assigned_.assignment;
  begin_following();
  begin_watching();
  if (!assigned_.expected_running) {
    running_ = report_end(id(), AttemptState::running, {});
    running_->rank = assignment.rank;
    running_->started_at = start_time(folder_);
  }
  if (handle_->exit_fd() < 0) return on_ended();
  if (auto watched = world_.loop.watch_exit(handle_->exit_fd(), token_); !watched) {
    // Without a watch nobody would learn of its end; a cancelled job is the lesser loss.
    log::error("agent", "cannot follow an attempt, so it is ended",
               {{"attempt", id().str()}, {"error", describe(watched.error())}});
    (void)handle_->cancel().has_value();
    (void)handle_->wait(assigned_.assignment.spec.grace + kCleanUpPause).has_value();
    return on_ended();
  }
  advance();
}

void AttemptRun::cancel() {
  if (end_) return;
  if (!follower_) return end_as(AttemptState::cancelled, "cancelled before it started");
  if (world_.options.runner != nullptr) return world_.options.runner->cancel(id());
  if (!handle_) return;  // it has died, and what it left is being killed
  if (auto sent = handle_->cancel(); !sent)
    log::warn("agent", "cannot cancel an attempt",
              {{"attempt", id().str()}, {"error", describe(sent.error())}});
}

void AttemptRun::on_ended() {
  auto status = handle_->status();
  if (status && status->exit) return end_container(*status->exit);
  clean_up(status ? "its supervisor ended without a status: it was killed, or the machine restarted"
                  : describe(status.error()));
}

/// Its devices may be given away only when nothing of it runs any more.
void AttemptRun::clean_up(std::string why) {
  auto handle = handle_ ? std::exchange(handle_, nullptr) : nullptr;
  world_.slow.run([later = later_, handle, why = std::move(why)] {
    auto cleaned = handle->kill_leftovers();
    later([handle, why, cleaned](AttemptRun& run) {
      if (cleaned) return run.end_lost(why);
      run.handle_ = handle;
      run.fault_ = "attempt " + run.id().str() + ": " + describe(cleaned.error());
      log::warn("agent", run.fault_);
      run.wake_in(kCleanUpPause);
    });
  });
}

void AttemptRun::end_lost(std::string reason) { end_as(AttemptState::lost, std::move(reason)); }

void AttemptRun::end_as(AttemptState state, std::string reason) {
  if (end_) return;
  auto report = report_end(id(), state, std::move(reason));
  report.log_bytes = log_bytes();
  end(std::move(report));
}

void AttemptRun::end(protocol::AttemptReport report) {
  fault_.clear();
  leave_preparations();
  end_ = std::move(report);
  end_->rank = assigned_.assignment.rank;
  advance();
}

void AttemptRun::on_time() {
  wake_at_.reset();
  if (std::exchange(prepare_again_, false) && !end_) return prepare();
  // A supervisor that is gone while its end is unknown has left processes that do not die.
  if (!fault_.empty() && !end_ && handle_) return on_ended();
  advance();
}

void AttemptRun::nudge() {
  repeat_at_ = {};
  pause_ = Millis{0};
  if (std::exchange(prepare_again_, false) && !end_) return prepare();
  advance();
}

void AttemptRun::wake_in(Millis pause) {
  const auto at = std::chrono::steady_clock::now() + pause;
  wake_at_ = wake_at_ ? std::min(*wake_at_, at) : at;
}

std::int64_t AttemptRun::log_bytes() const {
  const auto length = process::LogReader(folder_).length();
  return length ? *length : 0;
}

}  // namespace galley::agent
