#include "process/identity.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

namespace galley::process {
namespace {

TEST(ParseProcStat, ReadsPastANameWithSpacesAndParentheses) {
  const auto stat = parse_proc_stat(
      "12 (a) b (c) S 7 8 9 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 99887766 1000 20 "
      "18446744073709551615\n");

  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->parent, 7);
  EXPECT_EQ(stat->start_ticks, 99887766U);
}

TEST(ParseProcStat, KnowsTheSizeOfAnEnvironmentOnlyWhenThereIsOne) {
  const auto line = [](const std::string& bounds, int code_start = 26) {
    std::string text = "12 (a) S 7";
    for (int field = 5; field <= 49; ++field)
      text += " " + std::to_string(field == 26 ? code_start : field);
    return text + " " + bounds + " 0\n";
  };

  EXPECT_EQ(parse_proc_stat(line("1000 1250"))->environment_bytes, 250U);
  EXPECT_EQ(parse_proc_stat(line("1000 1000"))->environment_bytes, 0U);
  EXPECT_FALSE(parse_proc_stat(line("1000 1000", 0))->environment_bytes) << "it is starting";
  EXPECT_FALSE(parse_proc_stat(line("0 0"))->environment_bytes);
  EXPECT_FALSE(parse_proc_stat(line("9 7"))->environment_bytes);
  EXPECT_EQ(parse_proc_stat(line("0 0"))->memory_bytes, 23U);
}

TEST(ParseProcStat, RefusesOtherTexts) {
  for (const char* text : {"", "12", "12 (a)", "12 (a) S 1",
                           "12 (a) S x 8 9 0 -1 4 1 2 3 4 5 6 7 8 "
                           "20 0 1 0 99887766 1000"})
    EXPECT_FALSE(parse_proc_stat(text)) << text;
}

TEST(Identify, KnowsThisProcess) {
  const auto self = identify(::getpid());

  ASSERT_TRUE(self) << self.error().message;
  EXPECT_TRUE(is_alive(*self));
  EXPECT_EQ(self->boot_id.size(), 36U);
}

TEST(IsAlive, AnotherStartOrBootIsAnotherProcess) {
  const auto self = identify(::getpid());
  ASSERT_TRUE(self);

  auto reused = *self;
  reused.start_ticks += 1;
  auto rebooted = *self;
  rebooted.boot_id = "00000000-0000-0000-0000-000000000000";

  EXPECT_FALSE(is_alive(reused));
  EXPECT_FALSE(is_alive(rebooted));
  EXPECT_FALSE(is_alive({}));
  EXPECT_EQ(open_pidfd(reused).error().code, Errc::not_found);
}

TEST(IsAlive, AZombieIsDead) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  const auto zombie = identify(child);

  ASSERT_TRUE(zombie);
  EXPECT_FALSE(is_alive(*zombie));
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_FALSE(identify(child));
}

}  // namespace
}  // namespace galley::process
