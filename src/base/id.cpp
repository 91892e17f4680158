#include "base/id.h"

#include <algorithm>

namespace galley {
namespace {

constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";

std::string encode(std::uint64_t high, std::uint64_t low) {
  std::string text(26, '0');
  for (std::size_t i = 26; i-- > 0;) {
    text[i] = kAlphabet[low & 31U];
    low = (low >> 5U) | (high << 59U);
    high >>= 5U;
  }
  return text;
}

}  // namespace

bool is_id_body(std::string_view body) {
  return body.size() == 26 && body[0] <= '7' && std::ranges::all_of(body, [](char c) {
           return kAlphabet.find(c) != std::string_view::npos;
         });
}

IdSource::IdSource(const Clock& clock, std::uint64_t seed) : clock_(clock), random_(seed) {}

std::string IdSource::next_body() {
  const auto now_ms = static_cast<std::uint64_t>(clock_.wall().time_since_epoch().count());
  const std::lock_guard lock(mutex_);
  if (now_ms > last_ms_) {
    last_ms_ = now_ms;
    tail_ = {random_() & 0x7fffU, random_()};  // a clear top bit leaves room to count up
  } else if (++tail_[1] == 0) {
    ++tail_[0];
  }
  return encode((last_ms_ << 16U) | tail_[0], tail_[1]);
}

}  // namespace galley
