// An installation goes over to a new program and back to the one before, under load, one process at
// a time: no write is refused but while the lead changes hands, and no running job notices.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "drill_site.h"

namespace galley::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

// What a failover may take; a handover is much shorter.
constexpr Millis kLongestPause{3'000};
constexpr int kLongJobs = 3;
constexpr int kExitRefused = 4;
constexpr int kNothingToGoBackTo = 77;
constexpr Millis kBuildTime{1'500'000};

/// The folder of the programs before ours; empty where there are none, and why.
std::string previous_programs(std::string& why_not) {
  if (const char* given = std::getenv("GALLEY_DRILL_PROGRAMS")) return given;
  const auto built = process::run_child(
      {"/bin/bash", std::string(GALLEY_SOURCE_DIR) + "/tests/drill/previous_program.sh",
       GALLEY_SOURCE_DIR, fs::path(GALLEY_BIN_DIR).parent_path().string()},
      {.timeout = kBuildTime, .max_output_bytes = 64 << 20});
  if (!built) {
    ADD_FAILURE() << describe(built.error());
    return {};
  }
  why_not = trim(built->stderr_bytes);
  if (built->exit_code == kNothingToGoBackTo) return {};
  EXPECT_TRUE(built->succeeded()) << built->stderr_bytes;
  return std::string(trim(built->stdout_bytes));
}

class UpdateDrill : public ::testing::Test {
 protected:
  void begin(const fs::path& programs) {
    for (int i = 0; i < DrillSite::kControllers; ++i) must(site_.start_controller(i, programs));
    for (int i = 0; i < DrillSite::kAgents; ++i) must(site_.start_agent(i, programs));
    for (int i = 0; i < kLongJobs; ++i) long_jobs_.push_back(start_long_job(i));
    load_.emplace(site_.urls(), site_.token());
    ASSERT_TRUE(load_->wait_for_more(10));
  }

  /// Ends with success when a file appears, and writes a line for each of its starts.
  std::string start_long_job(int index) {
    const std::string script = "echo started >>\"$0/starts" + std::to_string(index) +
                               "\"; while [ ! -e \"$0/end\" ]; do sleep 0.1; done";
    const auto job = site_.client().insist(post_call(
        "/api/v1/jobs",
        {{"name", "long"}, {"command", {"/bin/sh", "-c", script, site_.folder().string()}}}));
    EXPECT_TRUE(job) << describe(job.error());
    const std::string id = job ? job->at("id").get<std::string>() : std::string();
    EXPECT_TRUE(reaches(id, "running"));
    return id;
  }

  static void must(const Status& status) { ASSERT_TRUE(status) << describe(status.error()); }

  bool reaches(const std::string& job, const std::string& state) {
    for (int i = 0; i < 12'000; ++i) {
      const auto now = site_.client().get("/api/v1/jobs/" + job);
      if (now && now->at("state") == state) return true;
      ::usleep(5'000);
    }
    return false;
  }

  void move_controllers(const fs::path& programs) {
    const auto leads = site_.leader();
    ASSERT_TRUE(leads) << describe(leads.error());
    const int other = 1 - *leads;
    must(site_.start_controller(other, programs));
    must(site_.wait_for_role(other, "standby"));
    ASSERT_TRUE(load_->wait_for_more(5));
    const auto handed = site_.galley(programs, {"controllers", "handover"});
    ASSERT_TRUE(handed) << describe(handed.error());
    ASSERT_EQ(handed->exit_code, 0) << handed->stderr_bytes;
    std::printf("  %s", handed->stdout_bytes.c_str());
    must(site_.wait_for_role(other, "leader"));
    must(site_.start_controller(*leads, programs));
    must(site_.wait_for_role(*leads, "standby"));
    ASSERT_TRUE(load_->wait_for_more(5));
  }

  void move_agents(const fs::path& programs) {
    for (int i = 0; i < DrillSite::kAgents; ++i) {
      must(site_.start_agent(i, programs));
      ASSERT_TRUE(load_->wait_for_more(5));
    }
  }

  /// What `galley doctor --upgrade` of the new program says of the way to that one.
  process::ChildOutput ask_doctor(const fs::path& programs) {
    const auto said = site_.galley(
        GALLEY_BIN_DIR, {"doctor", "--upgrade", (programs / "galley").string(), "--database",
                         site_.database(), "--backup-to", site_.folder().string()});
    EXPECT_TRUE(said) << describe(said.error());
    if (!said) return {.exit_code = -1};
    std::printf("%s%s", said->stdout_bytes.c_str(), said->stderr_bytes.c_str());
    return *said;
  }

  /// Of the way that has just been gone.
  void expect_at_most_one_pause(const char* way, std::size_t pauses_before) {
    const auto account = load_->account();
    for (std::size_t i = pauses_before; i < account.pauses.size(); ++i) {
      std::printf("  %s: %lld ms without an accepted submit (%s)\n", way,
                  static_cast<long long>(account.pauses[i].count()), account.refusals[i].c_str());
      EXPECT_LE(account.pauses[i], kLongestPause);
    }
    EXPECT_LE(account.pauses.size() - pauses_before, 1U) << "beyond the change of the lead";
    EXPECT_LE(account.longest, kLongestPause);
  }

  void expect_nothing_lost_or_disturbed() {
    const auto account = load_->account();
    load_.reset();
    for (const std::string& job : long_jobs_) {
      const auto now = site_.client().get("/api/v1/jobs/" + job);
      ASSERT_TRUE(now) << describe(now.error());
      EXPECT_EQ(now->at("state"), "running");
      EXPECT_EQ(now->at("attempts"), 1);
    }
    ASSERT_TRUE(write_file_atomic(site_.folder() / "end", "", Durability::memory));
    for (int i = 0; i < kLongJobs; ++i) {
      EXPECT_TRUE(reaches(long_jobs_[static_cast<std::size_t>(i)], "succeeded"));
      EXPECT_EQ(*read_file(site_.folder() / ("starts" + std::to_string(i)), 1000), "started\n");
    }
    for (const std::string& job : account.jobs) EXPECT_TRUE(reaches(job, "succeeded")) << job;
    std::printf("  %zu submits, longest time between two %lld ms\n", account.jobs.size(),
                static_cast<long long>(account.longest.count()));
  }

  DrillSite site_;
  std::vector<std::string> long_jobs_;
  std::optional<SubmitLoad> load_;
};

TEST_F(UpdateDrill, ThereAndBack) {
  std::string why_not;
  const fs::path before = previous_programs(why_not);
  if (before.empty()) GTEST_SKIP() << why_not;
  const fs::path now = GALLEY_BIN_DIR;
  begin(before);
  if (HasFatalFailure()) return;

  EXPECT_EQ(ask_doctor(now).exit_code, 0);
  move_controllers(now);
  if (HasFatalFailure()) return;
  move_agents(now);
  if (HasFatalFailure()) return;
  expect_at_most_one_pause("there", 0);

  const std::size_t pauses = load_->account().pauses.size();
  const auto way_back = ask_doctor(before);
  if (way_back.exit_code == kExitRefused) {
    // Honest only if the program before truly cannot live with these records.
    const auto leads = site_.leader();
    ASSERT_TRUE(leads);
    const auto refused = site_.start_controller(1 - *leads, before);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("schema"));
  } else {
    EXPECT_EQ(way_back.exit_code, 0);
    move_agents(before);
    if (HasFatalFailure()) return;
    move_controllers(before);
    if (HasFatalFailure()) return;
    expect_at_most_one_pause("back", pauses);
  }
  expect_nothing_lost_or_disturbed();
}

TEST_F(UpdateDrill, AHandoverIsNoPause) {
  begin(GALLEY_BIN_DIR);
  if (HasFatalFailure()) return;
  constexpr int kHandovers = 4;
  for (int i = 0; i < kHandovers; ++i) {
    const auto leads = site_.leader();
    ASSERT_TRUE(leads);
    const auto handed = site_.galley(GALLEY_BIN_DIR, {"controllers", "handover"});
    ASSERT_TRUE(handed);
    ASSERT_EQ(handed->exit_code, 0) << handed->stderr_bytes;
    std::printf("  %s", handed->stdout_bytes.c_str());
    must(site_.wait_for_role(*leads, "standby"));
    ASSERT_TRUE(load_->wait_for_more(5));
  }
  for (const Millis pause : load_->account().pauses)
    std::printf("  %lld ms without an accepted submit\n", static_cast<long long>(pause.count()));
  EXPECT_LE(load_->account().pauses.size(), static_cast<std::size_t>(kHandovers));
  expect_nothing_lost_or_disturbed();
}

}  // namespace
}  // namespace galley::testing
