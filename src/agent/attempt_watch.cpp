#include <algorithm>
#include <cstdlib>

#include "attempt_run.h"
#include "passing.h"

/// The part of an AttemptRun that looks for what its program does not tell us itself.
namespace galley::agent {
namespace {

// A step that takes longer than this is timed well; a job that prints nothing is looked at less.
constexpr Millis kShortestLookPause{250};
constexpr Millis kLongestLookPause{1'000};
// A look there costs a shared file system something, and there may be thousands.
constexpr Millis kLongestPauseElsewhere{5'000};

}  // namespace

void AttemptRun::begin_watching() {
  // All ranks print much the same numbers: those of rank 0 are the run's.
  if (assigned_.assignment.rank != 0) return;
  const bool elsewhere = world_.options.runner != nullptr;
  std::error_code error;
  // What an agent of an older version has begun to tell is told on as it was.
  if (elsewhere && assigned_.progress_offset > 0 &&
      !std::filesystem::exists(folder_ / OutputWatch::kTold, error))
    return;
  const protocol::JobSpec& spec = assigned_.assignment.spec;
  std::function<RunTexts()> facts;
  if (!assigned_.expected_running && !elsewhere) {  // else they were told when it began
    const char* path = std::getenv("PATH");         // NOLINT(concurrency-mt-unsafe)
    RunSoftware software{.command = spec.command,
                         .workdir = workdir_,
                         .path = path == nullptr ? "" : path,
                         .has_gpus = !assigned_.assignment.device_ids.empty()};
    if (const auto own = spec.env.find("PATH"); own != spec.env.end()) software.path = own->second;
    if (container_) {
      software.image = container_->image;
      software.engine = container_->engine;
    }
    facts = [&from = world_.facts, software = std::move(software)] { return from.find(software); };
  }
  output_ = std::make_shared<OutputWatch>(folder_, workdir_, spec.metrics, std::move(facts));
  reads_told_ = elsewhere;
  if (elsewhere) output_->copy_own_lines();
}

/// True while there may be something that the end must wait for.
bool AttemptRun::look_at_output() {
  if (!output_ || !fault_.empty()) return false;
  if (world_.options.runner != nullptr && !begun_ && !end_) return false;
  if (looking_) return true;
  const auto now = std::chrono::steady_clock::now();
  if (!end_ && now < look_at_) {
    wake_in(std::chrono::ceil<Millis>(look_at_ - now));
    return true;
  }
  looking_ = true;
  world_.looks.run([output = output_, later = later_, at = world_.clock.wall(),
                    own = follower_->has_own_lines(), ended = end_.has_value()] {
    const auto look = output->look(at, own, ended);
    later([look, ended](AttemptRun& run) {
      // The last look is one that began after the end.
      if (ended && !look.more) run.output_.reset();
      run.on_looked(look);
    });
  });
  return true;
}

void AttemptRun::on_looked(OutputWatch::Look look) {
  looking_ = false;
  if (!look.useful && !end_) output_.reset();
  if (look.more)
    look_pause_ = Millis{0};
  else if (look.grew)
    look_pause_ = kShortestLookPause;
  else
    look_pause_ = std::clamp(look_pause_ * 2, kShortestLookPause,
                             reads_told_ ? kLongestPauseElsewhere : kLongestLookPause);
  look_at_ = std::chrono::steady_clock::now() + look_pause_;
  advance();
}

}  // namespace galley::agent
