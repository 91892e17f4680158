#pragma once

#include <random>
#include <string>
#include <vector>

#include "cluster/gpu_sampler.h"
#include "faults/fault_case.h"

namespace galley::bench {

/// A machine whose nvidia-smi and kernel log show a fault case, on a clock of its own. The seed
/// chooses the GPU, the onset and harmless oddities of the texts, so that no two replays are alike.
class FakeMachine {
 public:
  FakeMachine(const FaultCase& fault, std::uint64_t seed);

  /// Runs as the real program would; hangs let the clock move by the limit.
  Result<cluster::SmiAnswer> run(const std::vector<std::string>& arguments, Millis limit);
  /// Lines of the kernel log up to now that were not asked for yet.
  std::vector<std::string> kernel_lines();

  ManualClock& clock() { return clock_; }
  Millis now() const { return clock_.wall() - start_; }
  Millis onset() const { return onset_; }
  std::size_t gpu() const { return gpu_; }
  std::string uuid(std::size_t index) const;
  std::string pci(std::size_t index) const;
  static constexpr std::size_t kGpus = 8;

 private:
  bool is_on();
  std::string value(std::size_t index, const std::string& field);
  std::string bus(std::size_t index) const;
  cluster::SmiAnswer rows(const std::string& query, const std::string& ids);
  std::string links(bool errors);
  std::string filled(std::string text) const;
  std::string odd(std::string text);

  const FaultCase& fault_;
  std::mt19937_64 random_;
  ManualClock clock_;
  const WallTime start_;
  std::size_t gpu_;
  Millis onset_;
  std::int64_t wrong_answers_ = 0;
  Millis next_event_;
  bool events_over_ = false;
  std::int64_t sequence_;
};

}  // namespace galley::bench
