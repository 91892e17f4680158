// The quantisers of the k-quants: one super-block of kSuperBlock values each.
#pragma once

#include <cstddef>

namespace galley::tensor {

void quantize_q4_k(const float* x, std::byte* block);
void quantize_q5_k(const float* x, std::byte* block);
void quantize_q6_k(const float* x, std::byte* block);

}  // namespace galley::tensor
