#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "fixture.h"
#include "process/attempt_files.h"

namespace galley::agent {
namespace {

using protocol::AttemptState;
using ::testing::HasSubstr;

// Of the driver's devices, and of no GPU that a machine has.
constexpr unsigned kMajor = 195;
constexpr unsigned kFirstMinor = 240;

/// A machine with the files of three GPUs, though not with the GPUs.
class Devices : public AgentFixture {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can make devices";
    for (unsigned i = 0; i < 3; ++i) {
      const auto number = std::to_string(i);
      const auto folder = temp_ / "driver/gpus" / number;
      ASSERT_TRUE(make_folders(folder));
      ASSERT_TRUE(write_file_atomic(folder / "information",
                                    "GPU UUID: \t GPU-" + number + "\nDevice Minor: \t " +
                                        std::to_string(kFirstMinor + i) + "\n",
                                    Durability::memory));
      const auto device = temp_ / ("nvidia" + number);
      if (::mknod(device.c_str(), S_IFCHR | 0666, ::makedev(kMajor, kFirstMinor + i)) != 0)
        GTEST_SKIP() << "devices cannot be made here";
    }
    AgentFixture::SetUp();
  }
  void adjust(Options& options) override { options.nvidia_driver = temp_ / "driver"; }
  /// What it says when it opens each of the files, and who keeps them from it.
  std::string opened_by(std::vector<std::string> gpus) {
    auto job = shell("for i in 0 1 2; do head -c 1 " + (temp_ / "nvidia").string() +
                     "$i 2>&1 | sed 's/.*: /'$i' /'; done");
    job.assignment.device_ids = std::move(gpus);
    EXPECT_EQ(run(job).state, AttemptState::succeeded);
    const auto exit = process::parse_exit(
        read_file(agent_->attempt_folder(job.assignment.attempt_id) / process::attempt_file::kExit,
                  1 << 16)
            .value_or(""));
    held_ = exit ? exit->enforcement.devices : process::LimitBy::nothing;
    return log(job);
  }

  process::LimitBy held_ = process::LimitBy::nothing;
};

TEST_F(Devices, TheGpusOfOthersCannotBeOpened) {
  const auto said = opened_by({"GPU-1"});
  if (held_ == process::LimitBy::nothing) GTEST_SKIP() << "no cgroup is writable here";
  EXPECT_THAT(said, HasSubstr("0 Operation not permitted"));
  EXPECT_THAT(said, HasSubstr("1 No such device"));
  EXPECT_THAT(said, HasSubstr("2 Operation not permitted"));
}

TEST_F(Devices, AJobWithoutGpusOpensNone) {
  const auto said = opened_by({});
  if (held_ == process::LimitBy::nothing) GTEST_SKIP() << "no cgroup is writable here";
  for (const char* line : {"0 Operation not permitted", "1 Operation", "2 Operation"})
    EXPECT_THAT(said, HasSubstr(line));
}

TEST_F(Devices, WithAllOfThemNothingIsAsked) {
  EXPECT_THAT(opened_by({"GPU-0", "GPU-1", "GPU-2"}), ::testing::Not(HasSubstr("permitted")));
  EXPECT_EQ(held_, process::LimitBy::not_asked);
}

}  // namespace
}  // namespace galley::agent
