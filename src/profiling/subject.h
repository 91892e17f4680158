#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "profiling/profile.h"
#include "text/tokenizer.h"
#include "workload.h"

namespace galley::profiling {

struct Prompt {
  std::string text;
  std::vector<text::TokenId> tokens;  // empty where only the server can count
  /// Of the number that a text of ours begins with. A server may have read the rest before, in this
  /// study or in another: a target gets a number that it has not seen.
  std::size_t number_bytes = 0;
};

/// One request, as every subject understands it.
struct Ask {
  Prompt prompt;
  std::uint32_t max_tokens = 16;
  bool greedy = true;
  float temperature = 0;
  float top_p = 1;
  float repetition_penalty = 1;
  std::uint64_t seed = 0;
  std::vector<std::string> stop;
  bool ignore_eos = false;
  bool exactly = false;    // the very same prompt as before, number and all
  bool recompute = false;  // no keys and values are kept; only in this process
};

/// What came of one request. Times count from sending it.
struct Reply {
  std::uint32_t prompt_tokens = 0;
  std::uint32_t output_tokens = 0;
  double first_token_ms = 0;
  double latency_ms = 0;  // to the last token
  double sent_ms = 0;     // since the first of the call
  std::string finish;     // "stop", "eos", "length"
  std::string text;
  std::uint64_t kv_bytes = 0;  // in use when it ended; 0: unknown
  std::string fault;           // why there is no whole answer; its figures then count for nothing
  bool refused = false;        // by an answer of the server, not by its silence
};

struct AskLimits {
  std::uint32_t at_once = 1;
  Instant no_start_after = Instant::max();  // the first is always sent
};

/// What is measured: the engine in this process, or a server behind a URL.
class Subject {
 public:
  virtual ~Subject() = default;

  virtual const ProfiledModel& model() const = 0;
  virtual const ProfiledMachine& machine() const = 0;
  virtual bool is_target() const = 0;

  /// A prompt of this many tokens; of nearly as many where only the server can count.
  virtual Prompt make_prompt(std::uint64_t seed, std::uint64_t index, std::uint32_t tokens,
                             PromptShape shape) const = 0;

  /// Sends the asks in order, `at_once` running at any time, and waits for all that were sent.
  /// Returns the replies of those, in order; fewer than asked when time ran out or somebody
  /// interrupts.
  virtual std::vector<Reply> answer(std::span<const Ask> asks, const AskLimits& limits) = 0;

  /// Why so many sequences of so many tokens cannot run at once, with what was needed and what
  /// would fit; empty where they can, or nobody knows.
  virtual std::string cannot_hold(std::uint32_t batch, std::uint32_t tokens) const = 0;

  /// Of this process; 0 where it is another's.
  virtual std::uint64_t resident_bytes() const = 0;

  /// What a reader of the figures must know, gathered since the last call.
  virtual std::vector<std::string> take_notes() = 0;
};

}  // namespace galley::profiling
