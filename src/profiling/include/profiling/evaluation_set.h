#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galley::profiling {

/// One question. With choices, `answer` is one of them, and the likelier one counts; without, the
/// model's own words must be the answer or begin with it.
struct EvaluationItem {
  std::string prompt;
  std::vector<std::string> choices;
  std::string answer;
};

/// Reads {"prompt", "answer"} or {"prompt", "choices", "answer"}, one object a line; `answer` may
/// be a choice or its index. Empty lines are skipped. Errors: invalid_argument naming `name`, the
/// line and the field: missing answers, an answer that is no choice, fewer than two choices, equal
/// choices, unknown fields, a line that is no JSON, and a set of no questions; too_large past
/// 100,000 questions.
Result<std::vector<EvaluationItem>> parse_evaluation_set(std::string_view name,
                                                         std::string_view jsonl);

}  // namespace galley::profiling
