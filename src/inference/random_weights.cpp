#include "random_weights.h"

namespace galley::inference {

void fill_normal(std::uint64_t stream, float deviation, std::span<float> out) {
  // Four uniform 16-bit numbers have the mean 2 * 65535 and the deviation 65536 / sqrt(3).
  constexpr float kMean = 131070.0F;
  constexpr float kInverseDeviation = 2.6428999e-5F;
  const std::uint64_t base = mix_bits(stream);
  const float scale = deviation * kInverseDeviation;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::uint64_t bits = mix_bits(base + i);
    const std::uint64_t pairs = (bits & 0x0000FFFF0000FFFFU) + (bits >> 16U & 0x0000FFFF0000FFFFU);
    const auto sum = static_cast<std::uint32_t>((pairs & 0xFFFFFFFFU) + (pairs >> 32U));
    out[i] = (static_cast<float>(sum) - kMean) * scale;
  }
}

}  // namespace galley::inference
