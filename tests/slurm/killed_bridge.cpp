// A bridge of its own process, for tests that kill it: killed_bridge GALLEY-JOB FOLDER…
// Launches an attempt for each folder, as its order.json says, and never ends by itself.
#include <unistd.h>

#include <cstdio>
#include <span>

#include "base/file.h"
#include "slurm/bridge.h"

int main(int argc, char** argv) {
  using namespace galley;
  const std::span<char*> words(argv, static_cast<std::size_t>(argc));
  if (words.size() < 3) return 2;
  const auto bridge = slurm::Bridge::start({.partition = "main",
                                            .supervisor_program = words[1],
                                            .poll_interval = Millis{100},
                                            .submit_timeout = Millis{3'000}});
  if (!bridge) return std::fprintf(stderr, "%s\n", describe(bridge.error()).c_str()), 1;
  for (const char* folder : words.subspan(2)) {
    const std::filesystem::path at = folder;
    const auto text = read_file(at / "order.json", 1 << 20);
    auto order = text ? process::parse_spec(*text) : Result<process::AttemptSpec>(text.error());
    if (!order) return std::fprintf(stderr, "%s\n", describe(order.error()).c_str()), 1;
    protocol::Assignment assignment;
    assignment.attempt_id = AttemptId::trusted(at.filename().string());
    assignment.spec.resources.memory = {100'000'000};
    (*bridge)->launch(assignment, *std::move(order), at,
                      {.waits = [](const std::string&) {},
                       .runs = [](WallTime) {},
                       .ended = [](const protocol::AttemptReport&) {}});
  }
  for (;;) ::pause();
}
