#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include "profiling/prediction.h"

/// What a request's time is made of, and the measured rows that the terms are fitted to.
namespace galley::profiling {

/// Parameters that a step works with.
struct StepParameters {
  double read = 0;    // of every step: blocks and output layer
  double blocks = 0;  // of every token, its output aside
};
StepParameters step_parameters(const ModelShape& shape);

/// Prompts are read in pieces of so many rows.
inline constexpr double kRowsAStep = 512;

/// Quantities that time is proportional to, each with a rate that is fitted.
enum class Term : std::size_t {
  weight_bytes,      // read once a step
  prompt_products,   // parameters × prompt tokens
  decode_products,   // parameters × generated tokens
  prompt_attention,  // blocks × width × tokens × their context
  decode_attention,  // the same for generated tokens, which stand alone in their step
  block_steps,       // blocks × steps: starting work, waiting for threads
  row_width,         // blocks × width × tokens: norms, rounding, rotations
  vocabulary,        // sampling each token
  requests,          // what a request costs in itself
  exchange,          // blocks × steps × doublings of the devices
  count
};
inline constexpr std::size_t kTerms = static_cast<std::size_t>(Term::count);
using Terms = std::array<double, kTerms>;

/// `devices` share weights and arithmetic evenly.
Terms terms_of(const ModelShape& model, const PredictedLoad& load, double devices);

/// One measured time.
struct TimedRow {
  PredictedLoad load;
  double seconds = 0;
  double weight = 1;  // rows of one kind and study weigh 1 together
};

/// One study, read for fitting.
struct StudyRows {
  ModelShape model;
  double devices = 1;
  std::vector<TimedRow> rows;  // whole answers; of single requests, the first token too
  struct MemoryRow {
    /// The most keys and values in use until then: a process keeps the pages that it once touched.
    double kv_bytes = 0;
    double resident_bytes = 0;
  };
  std::vector<MemoryRow> memory;
};

/// Errors: invalid_argument (a model without a shape, no row with a latency).
Result<StudyRows> rows_of(const Profile& study);

}  // namespace galley::profiling
