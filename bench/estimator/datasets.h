#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "estimator/features.h"

namespace galley::bench {

/// One measured row of a public table.
struct Record {
  estimator::Observation row;
  std::string configuration;  // rows that measure the same thing share it: they are never split
  double price_per_h = 0;     // of all its GPUs; 0: unknown
  bool counted = true;        // false: may be learned from, but is not scored
};

/// Public tables of measured step times, in DATA/gavel, lambda, pollux, elasticflow and neusight; a
/// folder that is absent gives no rows, and DATA may be one of them. Errors: those of reading;
/// invalid_argument for bad tables.
struct Datasets {
  std::vector<Record> gavel, lambda, pollux, elasticflow, neusight;
};
struct DatasetTable {
  const char* name;  // of its folder, and in figures
  std::vector<Record> Datasets::*records;
};
inline constexpr std::array kDatasetTables{
    DatasetTable{"gavel", &Datasets::gavel}, DatasetTable{"lambda", &Datasets::lambda},
    DatasetTable{"pollux", &Datasets::pollux}, DatasetTable{"elasticflow", &Datasets::elasticflow},
    DatasetTable{"neusight", &Datasets::neusight}};
Result<Datasets> read_datasets(const std::filesystem::path& folder);

}  // namespace galley::bench
