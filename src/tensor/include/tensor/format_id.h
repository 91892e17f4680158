#pragma once

// A plain type only: the files of the instruction sets include this.
#include <cstdint>

namespace galley::tensor {

/// How a row of weights is stored in a file. The block formats are those of GGUF, bit for bit;
/// `i8` is one signed byte a weight with one f32 scale a row (an output channel), kept apart.
enum class Format : std::uint8_t { f32, f16, bf16, i8, q8_0, q4_0, q4_1, q5_0, q4_k, q5_k, q6_k };

}  // namespace galley::tensor
