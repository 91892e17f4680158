#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace galley::profiling {

/// What a model takes, for deciding what fits.
struct MemoryNeeds {
  std::uint64_t weight_bytes = 0;
  std::uint64_t work_bytes = 0;  // activations of one step
  std::uint64_t page_bytes = 0;  // keys and values of `page_tokens` tokens, all layers
  std::uint32_t page_tokens = 16;
};

/// A cell of the map: so many requests at once, each of so many tokens, prompt and answer.
struct MemoryCell {
  std::uint32_t batch = 1;
  std::uint32_t prompt_tokens = 0;
  std::uint32_t output_tokens = 0;
};

std::uint64_t needed_bytes(const MemoryNeeds& needs, const MemoryCell& cell);

/// Empty where the cell fits into the budget. Else one sentence: what is needed, what of it are the
/// weights, and which batch at this length, or which length at this batch, would fit; or that not
/// even the model itself does.
std::string refusal(const MemoryNeeds& needs, const MemoryCell& cell, std::uint64_t budget_bytes);

/// The most requests of this length that fit at once; 0 where not even one does.
std::uint64_t largest_batch(const MemoryNeeds& needs, const MemoryCell& cell,
                            std::uint64_t budget_bytes);

/// Batches of a map: 1 to 64 in powers of two, and on to the first power that a budget refuses at
/// the longest prompt, so that every map shows where its memory ends.
std::vector<std::uint32_t> map_batches(const MemoryNeeds& needs, const MemoryCell& longest,
                                       std::uint64_t largest_budget_bytes);

}  // namespace galley::profiling
