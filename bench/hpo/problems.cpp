#include "hpo/problems.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/file.h"
#include "hpo/random.h"

namespace galley::bench {
namespace {

constexpr std::size_t kMedianDraws = 1025;
constexpr std::int64_t kMaxTableBytes = 64 << 20;

class FunctionProblem : public HpoProblem {
 public:
  FunctionProblem(std::unique_ptr<BoxFunction> function, hpo::Space space)
      : function_(std::move(function)), space_(std::move(space)) {}

  const hpo::Space& space() const override { return space_; }
  double observe(const hpo::Point& point, std::uint64_t) override { return truth(point); }
  double truth(const hpo::Point& point) override { return (*function_)(point); }
  double best() const override { return function_->best; }
  double median() override {
    hpo::Rng rng(0x3ED1A);
    std::vector<double> values(kMedianDraws);
    for (double& value : values) value = truth(space_.draw(rng));
    std::ranges::nth_element(values, values.begin() + kMedianDraws / 2);
    return values[kMedianDraws / 2];
  }

 private:
  std::unique_ptr<BoxFunction> function_;
  hpo::Space space_;
};

hpo::Parameter choices(const char* name, std::vector<hpo::Choice> values, bool is_ordered) {
  return {.name = name,
          .kind = is_ordered ? hpo::ParameterKind::ordered : hpo::ParameterKind::categorical,
          .choices = std::move(values)};
}

template <class... Values>
hpo::Parameter ordered(const char* name, Values... values) {
  return choices(name, {hpo::Choice(values)...}, true);
}

hpo::Parameter words(const char* name, std::vector<std::string> values) {
  return choices(name, {values.begin(), values.end()}, false);
}

using Whole = std::int64_t;

std::vector<hpo::Parameter> mlp_parameters() {
  const auto whole = [](const char* name, std::vector<Whole> values) {
    return choices(name, {values.begin(), values.end()}, true);
  };
  return {ordered("alpha", 1e-8, 7.742637e-8, 5.994842e-7, 4.641589e-6, 3.5938137e-5, 2.7825593e-4,
                  2.1544348e-3, 1.6681006e-2, 1.2915497e-1, 1.0),
          whole("batch_size", {4, 6, 10, 16, 25, 40, 64, 101, 161, 256}), whole("depth", {1, 2, 3}),
          ordered("learning_rate_init", 1e-5, 3.5938137e-5, 1.2915497e-4, 4.641589e-4, 1.6681006e-3,
                  5.9948424e-3, 2.1544347e-2, 7.742637e-2, 2.7825594e-1, 1.0),
          whole("width", {16, 25, 40, 64, 101, 161, 256, 406, 645, 1024})};
}

std::vector<hpo::Parameter> fcnet_parameters() {
  const std::vector<hpo::Choice> units{Whole{16},  Whole{32},  Whole{64},
                                       Whole{128}, Whole{256}, Whole{512}};
  return {words("activation_fn_1", {"relu", "tanh"}),
          words("activation_fn_2", {"relu", "tanh"}),
          ordered("batch_size", Whole{8}, Whole{16}, Whole{32}, Whole{64}),
          ordered("dropout_1", 0.0, 0.3, 0.6),
          ordered("dropout_2", 0.0, 0.3, 0.6),
          ordered("init_lr", 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 1e-1),
          words("lr_schedule", {"cosine", "const"}),
          choices("n_units_1", units, true),
          choices("n_units_2", units, true)};
}

std::vector<hpo::Parameter> cell_parameters() {
  std::vector<hpo::Parameter> parameters;
  for (const char* name : {"Op0", "Op1", "Op2", "Op3", "Op4", "Op5"})
    parameters.push_back(
        words(name, {"none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"}));
  return parameters;
}

struct TableKind {
  const char* folder;
  std::vector<hpo::Parameter> (*parameters)();
  std::size_t repetitions;
  bool is_maximised;
  bool is_log;  // errors over many decades are compared by their logarithms
};
constexpr TableKind kTableKinds[] = {{"hpobench-mlp", mlp_parameters, 5, true, false},
                                     {"fcnet", fcnet_parameters, 4, false, true},
                                     {"nasbench201", cell_parameters, 3, true, false}};

class TableProblem : public HpoProblem {
 public:
  TableProblem(hpo::Space space, std::vector<float> values, const TableKind& kind,
               std::uint64_t seed)
      : space_(std::move(space)), values_(std::move(values)), kind_(kind), seed_(seed) {
    for (std::size_t row = 0; row < values_.size() / kind_.repetitions; ++row)
      truths_.push_back(mean(row));
    best_ = *std::ranges::min_element(truths_);
  }

  const hpo::Space& space() const override { return space_; }
  double observe(const hpo::Point& point, std::uint64_t query) override {
    const std::size_t row = row_of(point);
    hpo::Rng rng(seed_, 0x7AB1E0000 + query);
    return scored(values_[row * kind_.repetitions + rng.below(present(row))]);
  }
  double truth(const hpo::Point& point) override { return truths_[row_of(point)]; }
  double best() const override { return best_; }
  double median() override {
    std::vector<double> values(truths_);
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
  }

 private:
  std::size_t row_of(const hpo::Point& point) const {
    std::size_t row = 0;
    for (std::size_t i = 0; i < point.size(); ++i)
      row = row * space_.parameter(i).choices.size() + static_cast<std::size_t>(point[i]);
    return row;
  }
  std::size_t present(std::size_t row) const {
    std::size_t count = kind_.repetitions;
    while (count > 1 && std::isnan(values_[row * kind_.repetitions + count - 1])) --count;
    return count;
  }
  double scored(double value) const {
    if (kind_.is_log) value = std::log10(value);
    return kind_.is_maximised ? -value : value;
  }
  double mean(std::size_t row) const {
    const std::size_t count = present(row);
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i)
      sum += static_cast<double>(values_[row * kind_.repetitions + i]);
    return scored(sum / static_cast<double>(count));
  }

  hpo::Space space_;
  std::vector<float> values_;
  TableKind kind_;
  std::uint64_t seed_;
  std::vector<double> truths_;
  double best_ = 0;
};

const TableKind* kind_of(const std::filesystem::path& file) {
  for (const TableKind& kind : kTableKinds)
    if (file.parent_path().filename() == kind.folder) return &kind;
  return nullptr;
}

}  // namespace

Result<std::unique_ptr<HpoProblem>> make_function(const std::string& name, std::uint64_t seed) {
  std::unique_ptr<BoxFunction> function;
  if (const auto at = std::ranges::find(analytic_names(), name); at != analytic_names().end())
    function = make_analytic(static_cast<std::size_t>(at - analytic_names().begin()), seed);
  if (const auto at = std::ranges::find(bbob_names(), name); at != bbob_names().end())
    function = make_bbob(static_cast<std::size_t>(at - bbob_names().begin()), seed);
  if (!function) return Error{Errc::not_found, fmt::format("there is no test function '{}'", name)};
  std::vector<hpo::Parameter> parameters;
  for (std::size_t i = 0; i < function->low.size(); ++i)
    parameters.push_back({.name = fmt::format("x{}", i),
                          .low = function->low[i],
                          .high = function->high[i],
                          .choices = {}});
  GALLEY_TRY(auto space, hpo::Space::make(std::move(parameters)));
  return std::unique_ptr<HpoProblem>(
      std::make_unique<FunctionProblem>(std::move(function), std::move(space)));
}

Result<std::vector<std::filesystem::path>> find_tables(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code failed;
  for (const TableKind& kind : kTableKinds)
    for (const auto& entry : std::filesystem::directory_iterator(folder / kind.folder, failed))
      if (entry.path().extension() == ".f32") files.push_back(entry.path());
  if (files.empty())
    return Error{Errc::not_found, fmt::format("no tables in {}", folder.string()), "--tables",
                 "a folder with hpobench-mlp, fcnet or nasbench201 in it"};
  std::ranges::sort(files);
  return files;
}

Result<std::unique_ptr<HpoProblem>> open_table(const std::filesystem::path& file,
                                               std::uint64_t seed) {
  const TableKind* kind = kind_of(file);
  if (kind == nullptr)
    return Error{Errc::not_found, fmt::format("{} is of no known kind of table", file.string())};
  GALLEY_TRY(const std::string bytes, read_file(file, kMaxTableBytes));
  GALLEY_TRY(auto space, hpo::Space::make(kind->parameters()));
  if (bytes.size() != space.point_count() * kind->repetitions * sizeof(float))
    return Error{Errc::corrupt,
                 fmt::format("{} has {} bytes, not {} rows of {} numbers", file.string(),
                             bytes.size(), space.point_count(), kind->repetitions)};
  static_assert(std::endian::native == std::endian::little, "the tables are little-endian");
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return std::unique_ptr<HpoProblem>(
      std::make_unique<TableProblem>(std::move(space), std::move(values), *kind, seed));
}

}  // namespace galley::bench
