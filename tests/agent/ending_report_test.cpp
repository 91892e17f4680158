#include "agent/ending_report.h"

#include <gmock/gmock.h>
#include <signal.h>

namespace galley::agent {
namespace {

using process::ExitReason;
using protocol::AttemptState;

protocol::AttemptReport report(ExitReason reason, std::optional<int> code,
                               std::optional<int> signal = {}) {
  process::AttemptExit exit;
  exit.reason = reason;
  exit.exit_code = code;
  exit.signal = signal;
  exit.message = "because";
  exit.log_bytes = 12;
  exit.started = from_ms(1);
  exit.finished = from_ms(2);
  return report_exit(AttemptId::trusted("att_1"), exit);
}

TEST(EndingReport, ZeroSucceeds) {
  const auto told = report(ExitReason::exited, 0);
  EXPECT_EQ(told.state, AttemptState::succeeded);
  EXPECT_EQ(told.exit_code, 0);
  EXPECT_FALSE(told.signal);
  EXPECT_EQ(told.log_bytes, 12);
  EXPECT_EQ(told.started_at, from_ms(1));
  EXPECT_EQ(told.finished_at, from_ms(2));
}

TEST(EndingReport, OtherCodesFail) {
  EXPECT_EQ(report(ExitReason::exited, 3).state, AttemptState::failed);
  EXPECT_EQ(report(ExitReason::exited, 3).reason, "because");
  EXPECT_EQ(report(ExitReason::exited, 75).reason, "preempted (exit 75)");
  EXPECT_EQ(report(ExitReason::start_failed, 127).state, AttemptState::failed);
}

TEST(EndingReport, SignalsAndTimeoutsFail) {
  const auto killed = report(ExitReason::signalled, {}, SIGSEGV);
  EXPECT_EQ(killed.state, AttemptState::failed);
  EXPECT_EQ(killed.signal, SIGSEGV);
  EXPECT_FALSE(killed.exit_code);
  // It came to a good end after its time was over; it was asked to, and has not finished its work.
  EXPECT_EQ(report(ExitReason::timeout, 0).state, AttemptState::failed);
  EXPECT_EQ(report(ExitReason::out_of_memory, {}, SIGKILL).state, AttemptState::failed);
}

TEST(EndingReport, OurCancellationCountsWhateverTheCode) {
  for (const int code : {0, 1, 75}) {
    const auto told = report(ExitReason::cancelled, code);
    EXPECT_EQ(told.state, AttemptState::cancelled);
    EXPECT_EQ(told.reason, "because");
    EXPECT_EQ(told.exit_code, code);
  }
}

}  // namespace
}  // namespace galley::agent
