#include "training/token_windows.h"

#include <numeric>
#include <utility>

#include "base/result.h"
#include "random.h"

namespace galley::training {

TokenWindows::TokenWindows(std::span<const text::TokenId> stream, std::size_t length,
                           std::uint64_t seed)
    // One window less than fits, so that every shift leaves room for the token that follows.
    : stream_(stream), length_(length), seed_(seed), per_pass_((stream.size() - 1) / length - 1) {
  GALLEY_CHECK(stream.size() > 2 * length, "a pass holds at least one window");
  shuffle(0);
}

void TokenWindows::shuffle(std::uint64_t pass) {
  Random random(seed_ ^ (pass + 1) * 0x9E3779B97F4A7C15U);
  shift_ = random.below(static_cast<std::uint32_t>(length_));
  order_.resize(per_pass_);
  std::iota(order_.begin(), order_.end(), 0U);
  for (std::size_t i = per_pass_; i > 1; --i)
    std::swap(order_[i - 1], order_[random.below(static_cast<std::uint32_t>(i))]);
}

std::span<const text::TokenId> TokenWindows::next() {
  const std::uint64_t at = dealt_ % per_pass_;
  if (at == 0 && dealt_ > 0) shuffle(dealt_ / per_pass_);
  ++dealt_;
  return stream_.subspan(shift_ + order_[at] * length_, length_ + 1);
}

void TokenWindows::seek(std::uint64_t dealt) {
  dealt_ = dealt;
  shuffle(dealt / per_pass_);
}

}  // namespace galley::training
