#include "agent/ending_report.h"
#include "attempt_run.h"

/// The half of an AttemptRun whose supervisor a Runner has, instead of this machine.
namespace galley::agent {

Runner::Listener AttemptRun::listener() {
  const auto tell = [later = later_](auto step) { later(std::move(step)); };
  return {
      .waits =
          [tell](std::string reason) {
            tell([reason = std::move(reason)](AttemptRun& run) { run.on_waits(reason); });
          },
      .runs = [tell](WallTime since) { tell([since](AttemptRun& run) { run.on_runs(since); }); },
      .ended =
          [tell](protocol::AttemptReport report) {
            tell([report = std::move(report)](AttemptRun& run) { run.end(report); });
          }};
}

void AttemptRun::begin_elsewhere() {
  std::error_code error;
  if (!std::filesystem::exists(folder_ / process::attempt_file::kSpec, error)) {
    if (assigned_.expected_running) return end_lost("the attempt's folder is gone");
    return prepare();
  }
  follow_elsewhere();
  world_.options.runner->adopt(assigned_.assignment, folder_, listener());
}

void AttemptRun::launch_elsewhere(std::vector<DataSet> data_sets) {
  auto spec = make_spec(std::move(data_sets));
  if (!spec) return end_as(protocol::AttemptState::failed, describe(spec.error()));
  follow_elsewhere();
  world_.options.runner->launch(assigned_.assignment, *std::move(spec), folder_, listener());
}

void AttemptRun::follow_elsewhere() {
  begin_following();
  begin_watching();
  begun_ = assigned_.expected_running;
  advance();
}

void AttemptRun::on_waits(const std::string& reason) {
  if (begun_ || end_) return;
  note_ = report_end(id(), protocol::AttemptState::starting, reason);
  note_->rank = assigned_.assignment.rank;
  advance();
}

void AttemptRun::on_runs(WallTime since) {
  if (begun_ || end_) return;
  begun_ = true;
  note_.reset();
  running_ = report_end(id(), protocol::AttemptState::running, {});
  running_->rank = assigned_.assignment.rank;
  running_->started_at = since;
  advance();
}

void AttemptRun::send_note() {
  in_flight_ = true;
  // Only the newest is worth sending, so one that cannot be delivered is not repeated.
  world_.link.report(*std::exchange(note_, std::nullopt), [later = later_](const Status&) {
    later([](AttemptRun& run) {
      run.in_flight_ = false;
      run.advance();
    });
  });
}

}  // namespace galley::agent
