#pragma once

#include <cstddef>
#include <cstdint>

#include "inference/language_model.h"

namespace galley::serving {

/// How requests are put into steps. continuous: any request joins and leaves at any step
/// (iteration-level scheduling, Orca, OSDI 2022). The other two are what came before, kept for
/// comparison: a batch is filled, runs until its longest answer ends, and only then comes the next;
/// length_sorted fills batches with prompts of similar length.
enum class Batching : std::uint8_t { continuous, static_batches, length_sorted };

enum class Speculation : std::uint8_t { none, prompt_lookup, draft_model };

struct EngineOptions {
  Batching batching = Batching::continuous;
  std::size_t max_sequences = 64;  // that run at once
  std::size_t max_waiting = 4096;  // further requests are refused with exhausted
  std::size_t step_rows = 512;     // prompt tokens and decoded tokens of one step together
  std::size_t online_step_rows =
      256;  // the same while answers are being written: bounds their pause
  bool prefix_sharing = true;
  enum class Preemption : std::uint8_t { recompute, swap } preemption = Preemption::recompute;
  std::size_t swap_bytes = 1U << 30;
  Speculation speculation = Speculation::none;
  std::uint32_t draft_tokens = 5;
  inference::ForwardModel* draft = nullptr;  // of the same vocabulary
  bool warm_up = true;
  /// That draw tokens, which with many answers at once takes as long as some layers. The number
  /// shows in no text.
  std::uint32_t sampling_threads = 1;
};

}  // namespace galley::serving
