#include <array>
#include <functional>
#include <optional>

#include "fixture.h"

namespace galley::slurm {
namespace {

std::optional<support::SlurmCluster> cluster;

/// Stops it before the program's statics end.
class StopCluster final : public ::testing::Environment {
  void TearDown() override { cluster.reset(); }
};
[[maybe_unused]] const auto* const kStopCluster =
    ::testing::AddGlobalTestEnvironment(new StopCluster);

constexpr const char* kScript = R"sh(#!/bin/sh
at=${0%/*}
PATH=${PATH#"$at:"}
echo "$*" >> "$at/calls"
mode=$(cat "$at/mode")
if test "$mode" = hold; then
  while test "$(cat "$at/mode")" = hold; do
    sleep 0.02
  done
  mode=plain
fi
case "$mode $*" in
"keep_answer "*--array=*)
  sbatch "$@" > "$at/answer" && mv "$at/answer" "$at/taken"
  exec sleep 600 ;;
"refuse_arrays "*--array=*)
  echo "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy" >&2
  exit 1 ;;
esac
exec sbatch "$@"
)sh";

bool wait_until(const std::function<bool()>& holds) {
  for (int i = 0; i < 1'000; ++i) {
    if (holds()) return true;
    ::usleep(10'000);
  }
  return false;
}

}  // namespace

WatchedSbatch& WatchedSbatch::instance() {
  static WatchedSbatch sbatch;
  return sbatch;
}

WatchedSbatch::WatchedSbatch() {
  GALLEY_CHECK(write_file_atomic(folder_ / "sbatch", kScript, Durability::memory, 0755),
               "a script");
  set(Mode::plain);
  const char* path = std::getenv("PATH");
  ::setenv("PATH", (folder_.path().string() + ":" + (path != nullptr ? path : "/usr/bin")).c_str(),
           1);
}  // namespace

void WatchedSbatch::set(Mode mode) const {
  constexpr std::array kWords{"plain", "hold", "keep_answer", "refuse_arrays"};
  GALLEY_CHECK(write_file_atomic(folder_ / "mode", kWords.at(static_cast<std::size_t>(mode)),
                                 Durability::memory),
               "a temporary folder can be written");
}

std::vector<std::string> WatchedSbatch::calls() const {
  std::vector<std::string> calls;
  const auto text = read_file(folder_ / "calls", 16 << 20).value_or("");
  for (const auto line : split(text, '\n'))
    if (!line.empty()) calls.emplace_back(line);
  return calls;
}

bool WatchedSbatch::wait_for_calls(std::size_t count) const {
  return wait_until([&] { return calls().size() >= count; });
}

bool WatchedSbatch::wait_until_taken() const {
  return wait_until([&] { return std::filesystem::exists(folder_ / "taken"); });
}

void WatchedSbatch::forget() const {
  std::filesystem::remove(folder_ / "calls");
  std::filesystem::remove(folder_ / "taken");
}

support::SlurmCluster* shared_cluster() {
  if (cluster) return &*cluster;
  auto started = support::SlurmCluster::start(
      {.nodes = 2,
       .settings = {"KillWait=2", "SlurmdTimeout=10", "MinJobAge=300", "MaxArraySize=12",
                    "SchedulerParameters=batch_sched_delay=0,sched_interval=5,bf_interval=5"}});
  if (!started && started.error().code == Errc::not_found) return nullptr;
  GALLEY_CHECK(started, describe(started.error()).c_str());
  cluster.emplace(*std::move(started));
  ::setenv("SLURM_CONF", cluster->conf().c_str(), 1);  // before any thread runs
  (void)WatchedSbatch::instance();                     // likewise
  return &*cluster;
}

}  // namespace galley::slurm
