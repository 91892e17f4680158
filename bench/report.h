#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace galley::bench {

/// What one benchmark found: the part of `galley bench NAME --json` that the benchmark itself
/// knows. Figures are snake_case with their unit in the name.
struct BenchReport {
  std::string name;
  std::map<std::string, double> figures;
  std::map<std::string, std::map<std::string, double>>
      peers;                        // each peer's figures from the same run
  std::vector<std::int64_t> seeds;  // those that the figures average over
  /// Figures of the parts that the others are made of, by name; empty where there are none.
  std::map<std::string, std::map<std::string, double>> details{};
};

}  // namespace galley::bench
