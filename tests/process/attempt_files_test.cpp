#include "process/attempt_files.h"

#include <gmock/gmock.h>

namespace galley::process {
namespace {

AttemptSpec full_spec() {
  AttemptSpec spec;
  spec.argv = {"python3", "train.py", "--name", "한글 \"q\""};
  spec.env = {"PATH=/bin", "EMPTY=", "A=b=c"};
  spec.workdir = "/srv";
  spec.limits = {.cpus = 1.5, .memory_bytes = 1 << 30, .processes = 100};
  spec.log_limit_bytes = 65'536;
  spec.grace = Millis{1'000};
  spec.max_runtime = Millis{60'000};
  spec.cgroup_name = "galley-a1";
  spec.read_only_binds = {{"/data/a", "/srv/a"}, {"/data/b", "/srv/b"}};
  spec.denied_devices = {{195, 1}, {195, 4'294'967'294}};
  spec.account = Account{"kim", 1001, 100};
  spec.become_account = false;
  return spec;
}

TEST(AttemptSpec, ComesBackAsItWasWritten) {
  const auto parsed = parse_spec(print_spec(full_spec()));

  ASSERT_TRUE(parsed) << describe(parsed.error());
  EXPECT_EQ(*parsed, full_spec());
}

TEST(AttemptSpec, ShortFormHasDefaultsAndIgnoresWhatANewerAgentSays) {
  const auto parsed = parse_spec(R"({"argv": ["true"], "workdir": "/", "later": {"x": 1}})");

  ASSERT_TRUE(parsed) << describe(parsed.error());
  EXPECT_EQ(parsed->log_limit_bytes, std::int64_t{1} << 30);
  EXPECT_EQ(parsed->max_runtime.count(), 0);
  EXPECT_EQ(parsed->limits, ResourceLimits{});
}

struct BadSpec {
  const char* json;
  const char* field;
};

class SpecRefuses : public ::testing::TestWithParam<BadSpec> {};

TEST_P(SpecRefuses, NamingTheField) {
  const auto parsed = parse_spec(GetParam().json);

  ASSERT_FALSE(parsed) << GetParam().json;
  EXPECT_EQ(parsed.error().code, Errc::invalid_argument);
  EXPECT_EQ(parsed.error().field, GetParam().field) << describe(parsed.error());
}

INSTANTIATE_TEST_SUITE_P(
    Specs, SpecRefuses,
    ::testing::Values(
        BadSpec{R"([])", ""}, BadSpec{R"({"workdir": "/"})", "argv"},
        BadSpec{R"({"argv": [], "workdir": "/"})", "argv"},
        BadSpec{R"({"argv": ["a", 1], "workdir": "/"})", "argv"},
        BadSpec{R"({"argv": ["a\u0000b"], "workdir": "/"})", "argv"},
        BadSpec{R"({"argv": ["a"], "workdir": "relative"})", "workdir"},
        BadSpec{R"({"argv": ["a"], "workdir": "/", "env": ["NOVALUE"]})", "env"},
        BadSpec{R"({"argv": ["a"], "workdir": "/", "limits": {"cpus": -1}})", "cpus"},
        BadSpec{R"({"argv": ["a"], "workdir": "/", "limits": {"memory_bytes": 1.5}})",
                "memory_bytes"},
        BadSpec{
            R"({"argv": ["a"], "workdir": "/", "limits": {"memory_bytes": 18446744073709551615}})",
            "memory_bytes"},
        BadSpec{R"({"argv": ["a"], "workdir": "/", "log_limit_bytes": 100})", "log_limit_bytes"},
        BadSpec{R"({"argv": ["a"], "workdir": "/", "grace_ms": -1})", "grace_ms"},
        BadSpec{R"({"argv": ["a"], "workdir": "/", "read_only_binds": [{"source": "x"}]})",
                "read_only_binds"},
        BadSpec{R"({"argv": ["a"], "workdir": "/", "read_only_binds": {}})", "read_only_binds"}));

TEST(AttemptSpec, TextsThatNoProgramCanTakeAreRefused) {
  auto spec = full_spec();
  spec.argv[1] = "\xff\xfe";

  EXPECT_EQ(check_spec(spec).error().field, "argv");
}

TEST(AttemptExit, ComesBackAsItWasWritten) {
  AttemptExit exit;
  exit.reason = ExitReason::out_of_memory;
  exit.signal = 9;
  exit.message = "it used too much";
  exit.started = from_ms(1'700'000'000'000);
  exit.finished = from_ms(1'700'000'001'234);
  exit.max_rss_bytes = 1;
  exit.cpu_ms = 2;
  exit.log_bytes = 3;
  exit.log_lost_bytes = 4;
  exit.progress_lost_bytes = 5;
  exit.enforcement = {LimitBy::cgroup_v1, LimitBy::rlimit, LimitBy::not_asked, LimitBy::nothing,
                      LimitBy::cgroup_v2};

  const auto parsed = parse_exit(print_exit(exit));

  ASSERT_TRUE(parsed) << describe(parsed.error());
  EXPECT_EQ(*parsed, exit);
  EXPECT_EQ(parsed->shell_code(), 137);
}

TEST(AttemptExit, NeedsExactlyOneOfCodeAndSignal) {
  EXPECT_FALSE(parse_exit(R"({"reason": "exited"})"));
  EXPECT_FALSE(parse_exit(R"({"reason": "exited", "exit_code": 0, "signal": 9})"));
  EXPECT_FALSE(parse_exit(R"({"reason": "vanished", "exit_code": 0})"));
  EXPECT_FALSE(parse_exit(R"({"reason": "exited", "exit_code": 300})"));
  EXPECT_TRUE(parse_exit(R"({"reason": "exited", "exit_code": 0})"));
}

TEST(SupervisorRecord, ComesBackAsItWasWritten) {
  const SupervisorRecord record{{42, 99, "boot"}, {"/sys/a", "/sys/b"}, {}};

  const auto parsed = parse_supervisor(print_supervisor(record));

  ASSERT_TRUE(parsed) << describe(parsed.error());
  EXPECT_EQ(parsed->identity, record.identity);
  EXPECT_EQ(parsed->cgroup_folders, record.cgroup_folders);
  EXPECT_FALSE(parse_supervisor(R"({"start_ticks": 1, "boot_id": "x"})"));
}

}  // namespace
}  // namespace galley::process
