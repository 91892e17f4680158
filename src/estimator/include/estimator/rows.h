#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "estimator/features.h"

namespace galley::estimator {

/// A measured job as files carry it, to fit models on. Its device is named, not described.
nlohmann::json print_observation(const Observation& row);
/// Errors: invalid_argument with the field; a device without a known data sheet.
Result<Observation> parse_observation(const nlohmann::json& json);

/// Rows to fit on, those with one group of one job's kind: {"kind": "estimator_rows", "version": 1,
/// "rows": [{"group": …, network, gpu, …, "step_s": …}]}.
struct RowsFile {
  std::vector<Observation> rows;
  std::vector<std::string> groups;
};
inline constexpr std::size_t kMostRows = 50'000;

std::string print_rows(const RowsFile& file);
/// Errors: invalid_argument with the row and the field.
Result<RowsFile> parse_rows(std::string_view json);

}  // namespace galley::estimator
