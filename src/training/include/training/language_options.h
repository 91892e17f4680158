#pragma once

#include <cstdint>

#include "base/result.h"
#include "training/decoder_layout.h"

namespace galley::training {

/// How a language model is trained. The defaults are those of data/lm/README.md.
struct LanguageOptions {
  DecoderShape shape;
  double minutes = 10;          // from the start of the program to the last file
  std::int64_t steps = 0;       // when positive, so many, however long they take
  std::uint32_t batch = 4;      // windows of `context` tokens a step, all threads together
  double learning_rate = 2e-3;  // the highest
  double weight_decay = 0.1;
  double dropout = 0;         // of what each block adds
  std::uint32_t threads = 0;  // 0: every core that this process may use, at most `batch`
  std::uint64_t seed = 1;
};

/// Errors: invalid_argument, naming the option.
Status check(const LanguageOptions& options);
/// `threads` settled.
LanguageOptions settle(const LanguageOptions& options);

/// What a training has used up.
struct TrainingSpent {
  std::int64_t steps = 0;
  double seconds = 0;  // in steps and the validations between them
};

/// The share of a training that is done, 0 to 1: by steps where they are given, else by time, of
/// which there are `budget_s`. Since the learning rate follows it, a training ends fully cooled
/// down at its deadline, however the speed of the machine changes meanwhile.
double progress_of(const LanguageOptions& options, const TrainingSpent& spent, double budget_s);

/// How many steps it will have been, at the pace so far; 0 before the first.
std::int64_t expected_steps(const LanguageOptions& options, const TrainingSpent& spent,
                            double budget_s);

/// Rises over the first steps, then falls along half a cosine (arXiv:1608.03983) to a twentieth.
double learning_rate_at(const LanguageOptions& options, std::int64_t step, double progress);

}  // namespace galley::training
