#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profiling/answers.h"

/// The figures by which studies are compared.
namespace galley::profiling {

struct MergedFigure {
  std::string experiment, measure;
  enum class Kind { time, speed, memory } kind = Kind::time;
  std::vector<std::optional<Interval>> studies;  // as many as there are
};

/// Only figures that at least two of the studies hold; times and speeds with what the machine's own
/// changes may have done to them.
std::vector<MergedFigure> merged_figures(const std::vector<Profile>& studies);

}  // namespace galley::profiling
