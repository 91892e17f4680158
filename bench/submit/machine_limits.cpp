#include "submit/machine_limits.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/file.h"
#include "statistics.h"

namespace galley::bench {
namespace {

constexpr int kSamples = 100;

Result<double> median_ms(const std::function<Status()>& once) {
  std::vector<double> samples;
  for (int i = 0; i < kSamples; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    GALLEY_TRY_STATUS(once());
    samples.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
            .count());
  }
  return support::median(std::move(samples));
}

Status spawn_and_wait() {
  std::string program = "/bin/true";
  char* const argv[] = {program.data(), nullptr};
  char* const environment[] = {nullptr};
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, argv[0], nullptr, nullptr, argv, environment);
  if (failed != 0) return system_error("cannot start /bin/true", failed);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return system_error("cannot wait for /bin/true", errno);
  return ok();
}

}  // namespace

Result<double> measure_spawn_wait_ms() { return median_ms(spawn_and_wait); }

Result<double> measure_fdatasync_ms(const std::filesystem::path& folder) {
  constexpr std::size_t kBytes = 4096;
  const auto path = folder / "fdatasync";
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!file) return system_error("cannot write " + path.string(), errno);
  const std::string block(kBytes, 'x');
  return median_ms([&]() -> Status {
    GALLEY_TRY_STATUS(write_all(file.get(), block));
    if (::fdatasync(file.get()) != 0) return system_error("cannot sync " + path.string(), errno);
    return ok();
  });
}

}  // namespace galley::bench
