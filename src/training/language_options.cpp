#include "training/language_options.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/processors.h"

namespace galley::training {
namespace {

/// AdamW's second moments are meaningless until it has seen some tens of gradients.
constexpr double kWarmUpSteps = 60;
constexpr double kWarmUpShare = 0.1;  // a short training does not spend more of itself on that
constexpr double kLastRate = 0.05;

Error refuse_option(std::string field, std::string message) {
  return {Errc::invalid_argument, std::move(message), std::move(field)};
}

}  // namespace

Status check(const LanguageOptions& options) {
  GALLEY_TRY_STATUS(check(options.shape));
  if (!(options.minutes > 0 && options.minutes <= 10'080))
    return refuse_option("minutes", "a training takes more than 0 and at most 10080 minutes");
  if (options.steps < 0) return refuse_option("steps", "a training cannot have fewer than 0 steps");
  if (options.batch < 1 || options.batch > 4096)
    return refuse_option("batch",
                         std::to_string(options.batch) + " windows a step are outside 1 to 4096");
  if (!(options.learning_rate > 0 && options.learning_rate <= 1))
    return refuse_option("lr", "a learning rate is more than 0 and at most 1");
  if (!(options.weight_decay >= 0 && options.weight_decay <= 10))
    return refuse_option("weight_decay", "a weight decay is from 0 to 10");
  if (!(options.dropout >= 0 && options.dropout < 1))
    return refuse_option("dropout", "a dropout is from 0 to less than 1");
  if (options.threads > 256)
    return refuse_option("threads", std::to_string(options.threads) + " threads are more than 256");
  return ok();
}

LanguageOptions settle(const LanguageOptions& options) {
  LanguageOptions settled = options;
  if (settled.threads == 0) settled.threads = usable_processors();
  settled.threads = std::min(settled.threads, settled.batch);
  return settled;
}

double progress_of(const LanguageOptions& options, const TrainingSpent& spent, double budget_s) {
  const double share = options.steps > 0
                           ? static_cast<double>(spent.steps) / static_cast<double>(options.steps)
                           : spent.seconds / std::max(budget_s, 1e-3);
  return std::clamp(share, 0.0, 1.0);
}

std::int64_t expected_steps(const LanguageOptions& options, const TrainingSpent& spent,
                            double budget_s) {
  if (options.steps > 0) return options.steps;
  if (spent.steps == 0 || spent.seconds <= 0) return 0;
  const double a_step = spent.seconds / static_cast<double>(spent.steps);
  return std::max(spent.steps, static_cast<std::int64_t>(std::round(budget_s / a_step)));
}

double learning_rate_at(const LanguageOptions& options, std::int64_t step, double progress) {
  const double risen =
      std::max(static_cast<double>(step + 1) / kWarmUpSteps, progress / kWarmUpShare);
  const double warm = std::min(1.0, risen);
  const double cosine = 0.5 * (1 + std::cos(std::numbers::pi * progress));
  return options.learning_rate * warm * (kLastRate + (1 - kLastRate) * cosine);
}

}  // namespace galley::training
