#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "hpo/space.h"

namespace galley::bench {

/// Something to minimise whose optimum is known. Fixed by its name and seed; not thread-safe.
class HpoProblem {
 public:
  virtual ~HpoProblem() = default;
  virtual const hpo::Space& space() const = 0;
  /// What a trial reports; of tables, one of the repetitions, chosen by the seed and the query.
  virtual double observe(const hpo::Point& point, std::uint64_t query) = 0;
  /// What it is judged by: without noise.
  virtual double truth(const hpo::Point& point) = 0;
  virtual double best() const = 0;
  /// The median truth of the space: what regrets are divided by, less the best.
  virtual double median() = 0;
};

/// "branin", ... : 12 analytic functions, moved and mirrored by the seed.
const std::vector<std::string>& analytic_names();
/// "bbob-f1" to "bbob-f24", moved and rotated by the seed, in 2, 5 or 10 dimensions in turn.
const std::vector<std::string>& bbob_names();

/// Errors: not_found.
Result<std::unique_ptr<HpoProblem>> make_function(const std::string& name, std::uint64_t seed);

/// A function of [low, high]^d: what both lists are made of.
class BoxFunction {
 public:
  virtual ~BoxFunction() = default;
  virtual double operator()(const std::vector<double>& x) const = 0;
  std::vector<double> low;
  std::vector<double> high;
  double best = 0;
  std::vector<double> optimum;  // where it is; of several, one
};

std::unique_ptr<BoxFunction> make_analytic(std::size_t index, std::uint64_t seed);
std::unique_ptr<BoxFunction> make_bbob(std::size_t index, std::uint64_t seed);

/// Full grids of trained configurations: FOLDER/KIND/NAME.f32 for the kinds hpobench-mlp, fcnet and
/// nasbench201, whatever the names are. Errors: not_found without any; corrupt for other sizes.
Result<std::vector<std::filesystem::path>> find_tables(const std::filesystem::path& folder);
Result<std::unique_ptr<HpoProblem>> open_table(const std::filesystem::path& file,
                                               std::uint64_t seed);

}  // namespace galley::bench
