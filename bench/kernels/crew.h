#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace galley::bench {

/// Threads that start a piece of work together, within well below a microsecond: they spin. For
/// measurements only.
class Crew {
 public:
  explicit Crew(std::uint32_t threads);
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  std::uint32_t threads() const { return static_cast<std::uint32_t>(others_.size()) + 1; }

  /// Runs work(thread) on all, this one included; returns the seconds until the last was done.
  double run(const std::function<void(std::uint32_t thread)>& work);

  /// The shortest of at least three runs, and of as many as begin within `seconds`.
  double shortest(double seconds, const std::function<void(std::uint32_t thread)>& work);

 private:
  void follow(std::uint32_t thread);

  const std::function<void(std::uint32_t)>* work_ = nullptr;  // set before round_ grows
  std::atomic<std::uint64_t> round_{0};
  std::atomic<std::uint32_t> done_{0};
  std::atomic<bool> stop_{false};
  std::vector<std::jthread> others_;
};

}  // namespace galley::bench
