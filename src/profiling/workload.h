#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace galley::profiling {

/// What kind of text a prompt is: plain sentences, or question and answer pairs.
enum class PromptShape : std::uint8_t { prose, shots };

/// A named set of requests: how long prompts and answers are, and how answers are chosen. The names
/// and figures are those of the reference study (issue's list), so that profiles of different
/// machines compare.
struct Workload {
  std::string_view name;
  std::uint32_t prompts = 0;                        // different ones
  std::uint32_t prompt_least = 0, prompt_most = 0;  // tokens, both allowed
  std::uint32_t output_tokens = 0;                  // at most
  PromptShape shape = PromptShape::prose;
  bool greedy = true;
  float temperature = 0;
  float top_p = 0.8F;
  float repetition_penalty = 1;
  bool stop_at_newline = false;
  bool ignore_eos = false;
};

/// narrow, wide-greedy, wide-sampled, one-shot, few-shot.
std::span<const Workload> workloads();
/// By name; it must be one of them.
const Workload& workload(std::string_view name);

/// Answers are not made shorter than this by a scale: a latency of two tokens says little.
inline constexpr std::uint32_t kLeastTokens = 8;

/// The workload with its lengths multiplied by the scale (0 to 1].
Workload scaled(const Workload& workload, double scale);
std::uint32_t scaled_tokens(std::uint32_t tokens, double scale);

/// The largest scale, two decimals, at which every workload fits into this context; 1 at most,
/// 0 where not even the smallest one does. An unknown context (0) is taken to be large enough.
double scale_for_context(std::uint32_t context);

/// Length of the prompt of this index: uniform over the workload's range, a function of its
/// arguments alone.
std::uint32_t prompt_tokens_of(const Workload& workload, std::uint64_t seed, std::uint64_t index);

/// Random whole numbers for everything that a seed decides. Equal arguments, equal numbers.
class Draws {
 public:
  Draws(std::uint64_t seed, std::uint64_t stream);
  std::uint64_t below(std::uint64_t bound);  // 0 to bound - 1
  double unit();                             // [0, 1)

 private:
  std::uint64_t key_;
  std::uint64_t count_ = 0;
};

/// At least `bytes` bytes of English and Korean sentences, ending with a whole one; a function of
/// its arguments alone. Two indices share no beginning, so that a server's cache of prefixes has
/// nothing to give.
std::string prompt_text(std::uint64_t seed, std::uint64_t index, std::size_t bytes,
                        PromptShape shape);

}  // namespace galley::profiling
