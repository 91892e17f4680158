#include "workload.h"

#include <algorithm>
#include <cmath>

#include "base/result.h"
#include "inference/sampling.h"

namespace galley::profiling {
namespace {

constexpr Workload kWorkloads[] = {
    {.name = "narrow",
     .prompts = 1888,
     .prompt_least = 365,
     .prompt_most = 410,
     .output_tokens = 16,
     .repetition_penalty = 5,
     .stop_at_newline = true},
    {.name = "wide-greedy",
     .prompts = 1007,
     .prompt_least = 465,
     .prompt_most = 1075,
     .output_tokens = 50,
     .repetition_penalty = 3,
     .stop_at_newline = true},
    {.name = "wide-sampled",
     .prompts = 1007,
     .prompt_least = 465,
     .prompt_most = 1075,
     .output_tokens = 50,
     .greedy = false,
     .temperature = 1,
     .repetition_penalty = 3,
     .stop_at_newline = true},
    {.name = "one-shot",
     .prompts = 1024,
     .prompt_least = 103,
     .prompt_most = 238,
     .output_tokens = 128,
     .shape = PromptShape::shots,
     .ignore_eos = true},
    {.name = "few-shot",
     .prompts = 1024,
     .prompt_least = 956,
     .prompt_most = 1024,
     .output_tokens = 32,
     .shape = PromptShape::shots,
     .ignore_eos = true},
};

}  // namespace

std::span<const Workload> workloads() { return kWorkloads; }

const Workload& workload(std::string_view name) {
  const auto* found = std::ranges::find(kWorkloads, name, &Workload::name);
  GALLEY_CHECK(found != std::end(kWorkloads), "a workload of this name");
  return *found;
}

std::uint32_t scaled_tokens(std::uint32_t tokens, double scale) {
  const auto scaled = static_cast<std::uint32_t>(std::lround(tokens * scale));
  return std::max(scaled, std::min(tokens, kLeastTokens));
}

Workload scaled(const Workload& workload, double scale) {
  Workload scaled = workload;
  scaled.prompt_least = scaled_tokens(workload.prompt_least, scale);
  scaled.prompt_most = scaled_tokens(workload.prompt_most, scale);
  scaled.output_tokens = scaled_tokens(workload.output_tokens, scale);
  return scaled;
}

double scale_for_context(std::uint32_t context) {
  if (context == 0) return 1;
  for (int hundredths = 100; hundredths > 0; --hundredths) {
    const double scale = hundredths / 100.0;
    const bool fits = std::ranges::all_of(kWorkloads, [&](const Workload& one) {
      const Workload small = scaled(one, scale);
      return small.prompt_most + small.output_tokens <= context;
    });
    if (fits) return scale;
  }
  return 0;
}

Draws::Draws(std::uint64_t seed, std::uint64_t stream)
    : key_(inference::random_bits(seed, stream)) {}

std::uint64_t Draws::below(std::uint64_t bound) {
  return inference::random_bits(key_, count_++) % bound;
}

double Draws::unit() {
  return static_cast<double>(inference::random_bits(key_, count_++) >> 11) * 0x1.0p-53;
}

std::uint32_t prompt_tokens_of(const Workload& workload, std::uint64_t seed, std::uint64_t index) {
  constexpr std::uint64_t kLengthStream = std::uint64_t{1} << 40;  // apart from the texts' draws
  Draws draws(seed, kLengthStream + index);
  return workload.prompt_least +
         static_cast<std::uint32_t>(draws.below(workload.prompt_most - workload.prompt_least + 1));
}

}  // namespace galley::profiling
