#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "attempt_run.h"
#include "base/log.h"
#include "frozen_files.h"
#include "passing.h"

/// The half of an AttemptRun that talks to the controller.
namespace galley::agent {
namespace {

constexpr Millis kFirstPause{20};
// Without a controller a try costs nothing; with one back, ends and their GPUs should not wait.
constexpr Millis kLongestPause{1'000};
// Nobody sees a curve grow faster, and each report costs the controller a transaction.
constexpr Millis kProgressPace{100};
// Only where the user's inotify watches are used up.
constexpr Millis kUnwatchedPause{1'000};

}  // namespace

/// The next message, if it is time for one and none is under way.
void AttemptRun::advance() {
  if (over_) return;
  const bool looks = look_at_output();
  if (in_flight_) return;
  if (std::chrono::steady_clock::now() < repeat_at_) return;
  if (note_) return send_note();
  if (running_) return send_running();
  if (unsent_) return send_progress();
  if (read_progress()) return;
  // What is found is told before the end.
  if (end_ && !looks) send_end();
}

/// Reads on in the progress file. False when nothing is left there to be told.
bool AttemptRun::read_progress() {
  if (!follower_) return false;
  if (world_.options.runner != nullptr && !begun_ && !end_) return false;
  if (!end_ && armed_ && caught_up_) return false;
  if (const auto now = std::chrono::steady_clock::now(); !end_ && now < pace_until_) {
    wake_in(std::chrono::ceil<Millis>(pace_until_ - now));
    return true;
  }
  if (!end_) arm();
  const std::string block = read_block();
  const bool took = follower_->take(block, world_.clock.wall());
  const bool at_end = block.size() < AttemptFollower::kBlockBytes;
  caught_up_ = at_end && !follower_->is_full();
  if (!caught_up_ && !follower_->is_full() && took) {
    // Other attempts have their turn before the next block.
    later_([](AttemptRun& run) { run.advance(); });
    return true;
  }
  if (!follower_->has_report()) return false;
  if (caught_up_) pace_until_ = std::chrono::steady_clock::now() + kProgressPace;
  keep(follower_->report());
  return true;
}

std::string AttemptRun::read_block() {
  const auto path = folder_ / (reads_told_ ? OutputWatch::kTold : process::attempt_file::kProgress);
  if (!progress_) progress_ = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!progress_ && errno == ENOENT) return {};  // it never began
  std::string block(AttemptFollower::kBlockBytes, '\0');
  ssize_t count = -1;
  do {
    count = ::pread(progress_.get(), block.data(), block.size(), follower_->next_offset());
  } while (count < 0 && errno == EINTR);
  if (count < 0)
    log::warn("agent", "cannot read an attempt's progress",
              {{"attempt", id().str()}, {"error", system_error(path.string(), errno).message}});
  block.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  return block;
}

void AttemptRun::on_progress_written() {
  armed_ = false;
  advance();
}

void AttemptRun::arm() {
  if (armed_) return;
  caught_up_ = false;
  // What another machine writes is not told by the kernel here.
  if (world_.options.runner != nullptr) return wake_in(kUnwatchedPause);
  armed_ = world_.loop.watch_write(folder_ / process::attempt_file::kProgress, token_).has_value();
  if (!armed_) wake_in(kUnwatchedPause);
}

/// Freezes the files that the report names, and sends it.
void AttemptRun::keep(protocol::ProgressReport report) {
  report.rank = assigned_.assignment.rank;
  if (report.rank != 0) {
    // All ranks print much the same numbers: those of rank 0 are the run's. Files are each one's.
    report.points.clear();
    report.texts.clear();
    report.from_offset = untold_from_.value_or(report.from_offset);
    untold_from_ = report.from_offset;
    if (report.files.empty()) return later_([](AttemptRun& run) { run.advance(); });
    untold_from_.reset();
  }
  if (report.files.empty()) {
    unsent_ = Unsent{std::move(report), {}};
    return send_progress();
  }
  in_flight_ = true;
  world_.slow.run([world = world_, later = later_, workdir = workdir_, folder = folder_,
                   report = std::move(report)]() mutable {
    const auto reader = FileReader::of_attempt(folder);
    auto frozen = reader ? freeze_files(report.files, workdir, *reader, world.blobs)
                         : FrozenFiles{.files = {}, .faults = describe(reader.error())};
    if (!frozen.faults.empty()) report.texts.emplace_back("artifact_fault", frozen.faults);
    later([report = std::move(report), files = std::move(frozen.files)](AttemptRun& run) mutable {
      run.in_flight_ = false;
      run.unsent_ = Unsent{std::move(report), std::move(files)};
      run.advance();
    });
  });
}

void AttemptRun::send_running() {
  in_flight_ = true;
  world_.link.report(*running_, [later = later_](Status status) {
    later([status = std::move(status)](AttemptRun& run) { run.on_running_stored(status); });
  });
}

void AttemptRun::send_progress() {
  in_flight_ = true;
  world_.link.progress(unsent_->report, unsent_->files, [later = later_](Status status) {
    later([status = std::move(status)](AttemptRun& run) { run.on_progress_stored(status); });
  });
}

void AttemptRun::send_end() {
  in_flight_ = true;
  world_.link.report(*end_, [later = later_](Status status) {
    later([status = std::move(status)](AttemptRun& run) { run.on_end_stored(status); });
  });
}

/// Notes the answer; true when the same message must be sent again.
bool AttemptRun::must_repeat(const Status& status) {
  in_flight_ = false;
  if (status || !is_passing(status.error().code)) {
    pause_ = Millis{0};
    // Conflict: an earlier try was stored though we did not hear so.
    if (!status && status.error().code != Errc::conflict)
      log::warn("agent", "the controller refused a report",
                {{"attempt", id().str()}, {"error", describe(status.error())}});
    return false;
  }
  repeat_at_ = std::chrono::steady_clock::now() + next_pause();
  wake_in(pause_);
  return true;
}

/// Longer with each failure that follows another.
Millis AttemptRun::next_pause() {
  pause_ = pause_ == Millis{0} ? kFirstPause : std::min(pause_ * 2, kLongestPause);
  return pause_;
}

void AttemptRun::on_running_stored(const Status& status) {
  if (must_repeat(status)) return;
  running_.reset();
  advance();
}

void AttemptRun::on_progress_stored(const Status& status) {
  if (must_repeat(status)) return;
  if (status || status.error().code == Errc::conflict || unsent_->stripped) {
    unsent_.reset();
  } else {
    // Its offset must move, or all later progress would be refused as well.
    unsent_->stripped = true;
    unsent_->files.clear();
    unsent_->report.files.clear();
    unsent_->report.points.clear();
    unsent_->report.texts = {{"progress_refused", describe(status.error())}};
  }
  advance();
}

void AttemptRun::on_end_stored(const Status& status) {
  if (must_repeat(status)) return;
  over_ = true;
}

}  // namespace galley::agent
