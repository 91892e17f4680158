// A disk that is full, played by a small memory file system in a private mount namespace.
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <functional>

#include "attempt_fixture.h"
#include "process/log_sink.h"

namespace galley::process {
namespace {

class DiskFullTest : public AttemptFixture {
 protected:
  /// Runs the body in a child process that alone sees `disk()` as a file system of 256 KiB. The
  /// body's return value is the complaint, empty if all is well.
  std::string on_small_disk(const std::function<std::string()>& body) {
    std::filesystem::create_directories(disk());
    int ends[2];
    GALLEY_CHECK(::pipe(ends) == 0, "pipe");
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      std::string complaint = "skip";
      if (::unshare(CLONE_NEWNS) == 0 &&
          ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
          ::mount("small", disk().c_str(), "tmpfs", 0, "size=256k") == 0)
        complaint = body();
      GALLEY_CHECK(write_all(ends[1], complaint).has_value(), "pipe");
      ::_exit(0);
    }
    ::close(ends[1]);
    std::string complaint;
    char byte = 0;
    while (::read(ends[0], &byte, 1) == 1) complaint += byte;
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    return complaint;
  }
  std::filesystem::path disk() const { return temp_ / "disk"; }
};

TEST_F(DiskFullTest, TheCommandGoesOnAndItsStatusSurvives) {
  const auto complaint = on_small_disk([&]() -> std::string {
    auto spec = shell("head -c 1000000 /dev/zero; echo galley:: step=1; exit 4");
    spec.log_limit_bytes = 1 << 30;
    auto handle = AttemptHandle::launch(disk() / "attempt", spec, supervisor_program());
    if (!handle) return describe(handle.error());
    const auto status = handle->wait(kPatience);
    if (!status || !status->exit) return "no exit status";
    const auto& exit = *status->exit;
    if (exit.exit_code != 4) return "wrong code: " + print_exit(exit);
    if (exit.log_bytes != 1'000'016) return "wrong length: " + print_exit(exit);
    if (exit.log_lost_bytes < 700'000) return "wrong loss: " + print_exit(exit);
    if (exit.message.find("bytes of output were lost") == std::string::npos)
      return "no word about it: " + exit.message;
    const auto length = LogReader(disk() / "attempt").length();
    return length && *length == 1'000'016 ? "" : "the reader does not know the length";
  });

  if (complaint == "skip") GTEST_SKIP() << "mounting is not permitted here";
  EXPECT_EQ(complaint, "");
}

TEST_F(DiskFullTest, AStatusIsWrittenWhenNothingElseCanBe) {
  const auto complaint = on_small_disk([&]() -> std::string {
    // The command itself takes the last block.
    auto spec =
        shell("head -c 1000000 /dev/zero > " + (disk() / "big").string() + "; echo full; exit 6");
    auto handle = AttemptHandle::launch(disk() / "attempt", spec, supervisor_program());
    if (!handle) return describe(handle.error());
    const auto status = handle->wait(kPatience);
    if (!status || !status->exit) return "no exit status";
    return status->exit->exit_code == 6 ? "" : print_exit(*status->exit);
  });

  if (complaint == "skip") GTEST_SKIP() << "mounting is not permitted here";
  EXPECT_EQ(complaint, "");
}

TEST_F(DiskFullTest, TheLogGoesOnWhenThereIsRoomAgain) {
  const auto complaint = on_small_disk([&]() -> std::string {
    const auto big = disk() / "big";
    auto sink = LogSink::open(disk(), 1 << 20);
    if (!sink) return describe(sink.error());
    sink->write("begin\n");
    const bool filled =
        write_file_atomic(big, std::string(192 * 1024, 'x'), Durability::memory).has_value();
    if (!filled) return "the disk is too small";
    sink->write(std::string(200'000, 'y'));
    if (sink->lost_bytes() == 0) return "nothing was lost";
    std::filesystem::remove(big);
    const auto total = sink->total_bytes();
    const auto lost = sink->lost_bytes();
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    // It tries again once a second; until then lines are lost and counted.
    std::int64_t lines = 0;
    for (auto before = lost - 1;
         sink->lost_bytes() != before && std::chrono::steady_clock::now() < deadline; ++lines) {
      before = sink->lost_bytes();
      sink->write("again\n");
    }
    if (sink->total_bytes() != total + 6 * lines) return "the positions are wrong";
    const LogReader reader(disk());
    const auto last = reader.read(sink->total_bytes() - 6, 100);
    if (!last || last->bytes != "again\n") return "the last line is not there";
    const auto first = reader.read(0, 6);
    return first && first->bytes == "begin\n" ? "" : "the first line is not there";
  });

  if (complaint == "skip") GTEST_SKIP() << "mounting is not permitted here";
  EXPECT_EQ(complaint, "");
}

}  // namespace
}  // namespace galley::process
