#pragma once

#include <cstddef>
#include <cstdint>

namespace galley::hpo {

/// Which proposals are random: the first ones, and later as many as keep their share. Counts calls,
/// not draws, so that a replay counts the same.
class RandomTurns {
 public:
  RandomTurns(std::size_t startup, double ratio) : startup_(startup), ratio_(ratio) {}

  bool is_random() const {
    return asked_ < startup_ ||
           static_cast<double>(random_) < ratio_ * static_cast<double>(asked_ + 1);
  }
  /// What is known from an old study stands for one of the first.
  void learn() {
    if (startup_ > 0) --startup_;
  }
  void take() {
    if (is_random()) ++random_;
    ++asked_;
  }
  std::uint64_t random_count() const { return random_; }

 private:
  std::size_t startup_;
  double ratio_;
  std::uint64_t asked_ = 0;
  std::uint64_t random_ = 0;
};

}  // namespace galley::hpo
