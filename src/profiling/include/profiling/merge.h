#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "profiling/answers.h"
#include "profiling/profile.h"

namespace galley::profiling {

/// One figure of one study beside the first study's.
struct ComparedFigure {
  std::optional<Interval> figure;  // none: this study did not measure it
  std::optional<Interval> ratio;   // to the first study's; none for the first itself
  /// Is this study better than the first? yes / no / cannot tell, none where there is no ratio.
  std::optional<Verdict> better;
};

struct ComparedRow {
  std::string experiment;
  std::string measure;  // "time to the first token, ms"
  bool lower_is_better = true;
  std::vector<ComparedFigure> studies;  // as many as `names`
  std::string sentence;                 // the plain answer: who is better by how much
};

/// Several studies side by side.
struct Comparison {
  std::vector<std::string> names;  // of the studies, unique: model, machine or target
  bool same_model = false;         // one model (snapshot or name) in all of them
  bool same_machine = false;
  std::vector<std::string> warnings;  // what makes figures unequal: seeds, scales, effort
  std::vector<ComparedRow> rows;
};

/// Compares studies with the first of them. Errors: invalid_argument (fewer than two studies).
Result<Comparison> compare(const std::vector<Profile>& studies);

/// What a table shows of one study: "12 ms (11 ms to 13 ms)" of the first, of the others their own
/// value and how many times the first's it is.
std::string figure_text(const ComparedRow& row, std::size_t study);

/// {kind, names, same_model, same_machine, warnings, rows: [{experiment, measure, …}]}
nlohmann::json comparison_json(const Comparison& comparison);

}  // namespace galley::profiling
