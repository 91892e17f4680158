#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "estimator/datasets.h"
#include "estimator/estimator_bench.h"

namespace galley::bench {

inline constexpr std::size_t kReportFolds = 5;
inline constexpr std::uint64_t kReportSeed = 1;

/// Writes FOLDER/TABLE.json for every table that may be handed on, for `galley-train dnn`.
Status export_rows(const Datasets& sets, const std::filesystem::path& folder,
                   std::map<std::string, double>& figures);

/// One model for estimates of jobs that come from none of the tables, with the comparison of all
/// models, into options.exported; beside it rows.json.
Status export_model(const Datasets& sets, const EstimatorBenchOptions& options,
                    std::map<std::string, double>& figures);

}  // namespace galley::bench
