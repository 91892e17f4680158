#include "budget.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"

namespace galley::profiling {
namespace {

constexpr std::uint32_t kMeasuredBatch = 64;
/// Larger batches say nothing about any machine, and their bytes must not overflow.
constexpr std::uint32_t kMostBatch = 1U << 24;

std::string bytes(std::uint64_t count) { return format_bytes(static_cast<std::int64_t>(count)); }

std::uint64_t kv_bytes(const MemoryNeeds& needs, const MemoryCell& cell) {
  // The last token of an answer is never read again.
  const std::uint64_t held =
      std::uint64_t{cell.prompt_tokens} + std::max(cell.output_tokens, 1U) - 1;
  return (held + needs.page_tokens - 1) / needs.page_tokens * needs.page_bytes;
}

}  // namespace

std::uint64_t needed_bytes(const MemoryNeeds& needs, const MemoryCell& cell) {
  return needs.weight_bytes + needs.work_bytes + cell.batch * kv_bytes(needs, cell);
}

std::uint64_t largest_batch(const MemoryNeeds& needs, const MemoryCell& cell,
                            std::uint64_t budget_bytes) {
  const std::uint64_t fixed = needs.weight_bytes + needs.work_bytes;
  const std::uint64_t each = kv_bytes(needs, cell);
  if (budget_bytes <= fixed || each == 0) return 0;
  return (budget_bytes - fixed) / each;
}

std::string refusal(const MemoryNeeds& needs, const MemoryCell& cell, std::uint64_t budget_bytes) {
  const std::uint64_t needed = needed_bytes(needs, cell);
  if (needed <= budget_bytes) return {};
  const std::uint64_t fixed = needs.weight_bytes + needs.work_bytes;
  std::string text = fmt::format("{} are needed, {} of them for the model, and the budget is {}; ",
                                 bytes(needed), bytes(fixed), bytes(budget_bytes));
  if (fixed >= budget_bytes)
    return text + fmt::format(
                      "the model alone does not fit: a budget of more than {}, or weights "
                      "in a smaller format",
                      bytes(fixed));
  const std::uint64_t batch = largest_batch(needs, cell, budget_bytes);
  const std::uint64_t pages = (budget_bytes - fixed) / needs.page_bytes / cell.batch;
  const std::uint64_t tokens = pages * needs.page_tokens;
  if (batch == 0 && tokens == 0)
    return text + fmt::format("not even one page of {} tokens would fit", needs.page_tokens);
  text += batch > 0 ? fmt::format("{} such requests at once would fit", batch)
                    : std::string("not even one such request would fit");
  if (tokens > cell.output_tokens)
    text +=
        fmt::format(", or {} with prompts of {} tokens", cell.batch, tokens - cell.output_tokens);
  return text;
}

std::vector<std::uint32_t> map_batches(const MemoryNeeds& needs, const MemoryCell& longest,
                                       std::uint64_t largest_budget_bytes) {
  std::vector<std::uint32_t> batches;
  MemoryCell cell = longest;
  for (cell.batch = 1; cell.batch <= kMostBatch; cell.batch *= 2) {
    const bool refused = needed_bytes(needs, cell) > largest_budget_bytes;
    // Between what is measured and where memory ends every eighth step is enough to look at.
    const bool shown = cell.batch <= kMeasuredBatch || refused ||
                       2 * cell.batch > largest_batch(needs, cell, largest_budget_bytes);
    if (shown) batches.push_back(cell.batch);
    if (refused && cell.batch >= kMeasuredBatch) break;
  }
  return batches;
}

}  // namespace galley::profiling
