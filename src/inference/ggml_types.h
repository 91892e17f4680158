#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "tensor/format.h"

namespace galley::inference {

/// A tensor type of ggml: what a GGUF file's tensor entries name by number.
struct GgmlType {
  std::uint32_t number;
  std::string_view name;
  std::uint32_t block_values;
  std::uint32_t block_bytes;
  std::optional<tensor::Format> format;  // empty: Galley knows its size and no more
};

/// Null for numbers that ggml has removed or that are newer than this table.
const GgmlType* find_ggml_type(std::uint32_t number);

}  // namespace galley::inference
