// Test functions of the optimisation literature in their usual forms and boxes (Surjanovic and
// Bingham's collection), each moved or mirrored by a seed so that no optimum lies in the middle.
#include <array>
#include <cmath>
#include <numbers>

#include "hpo/problems.h"
#include "hpo/random.h"

namespace galley::bench {
namespace {

using std::numbers::pi;
using Vector = std::vector<double>;

double squared(double value) { return value * value; }

double branin(const Vector& x) {
  const double bend = x[1] - 5.1 / (4 * pi * pi) * x[0] * x[0] + 5 / pi * x[0] - 6;
  return bend * bend + 10 * (1 - 1 / (8 * pi)) * std::cos(x[0]) + 10;
}

template <std::size_t kDims>
double hartmann(const Vector& x, const double (&a)[4][kDims], const double (&p)[4][kDims]) {
  constexpr std::array kWeights{1.0, 1.2, 3.0, 3.2};
  double sum = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    double distance = 0;
    for (std::size_t j = 0; j < kDims; ++j) distance += a[i][j] * squared(x[j] - p[i][j]);
    sum += kWeights[i] * std::exp(-distance);
  }
  return -sum;
}

double hartmann3(const Vector& x) {
  static constexpr double kA[4][3]{{3, 10, 30}, {0.1, 10, 35}, {3, 10, 30}, {0.1, 10, 35}};
  static constexpr double kP[4][3]{{0.3689, 0.1170, 0.2673},
                                   {0.4699, 0.4387, 0.7470},
                                   {0.1091, 0.8732, 0.5547},
                                   {0.0381, 0.5743, 0.8828}};
  return hartmann(x, kA, kP);
}

double hartmann6(const Vector& x) {
  static constexpr double kA[4][6]{{10, 3, 17, 3.5, 1.7, 8},
                                   {0.05, 10, 17, 0.1, 8, 14},
                                   {3, 3.5, 1.7, 10, 17, 8},
                                   {17, 8, 0.05, 10, 0.1, 14}};
  static constexpr double kP[4][6]{{0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886},
                                   {0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
                                   {0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650},
                                   {0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381}};
  return hartmann(x, kA, kP);
}

double camel(const Vector& x) {
  const double u = x[0] * x[0];
  const double v = x[1] * x[1];
  return (4 - 2.1 * u + u * u / 3) * u + x[0] * x[1] + (-4 + 4 * v) * v;
}

double rosenbrock(const Vector& x) {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < x.size(); ++i)
    sum += 100 * squared(x[i + 1] - x[i] * x[i]) + squared(1 - x[i]);
  return sum;
}

double levy(const Vector& x) {
  const auto w = [&](std::size_t i) { return 1 + (x[i] - 1) / 4; };
  const std::size_t last = x.size() - 1;
  double sum = squared(std::sin(pi * w(0)));
  for (std::size_t i = 0; i < last; ++i)
    sum += squared(w(i) - 1) * (1 + 10 * squared(std::sin(pi * w(i) + 1)));
  return sum + squared(w(last) - 1) * (1 + squared(std::sin(2 * pi * w(last))));
}

double ackley(const Vector& x) {
  double squares = 0;
  double waves = 0;
  for (const double value : x) {
    squares += value * value;
    waves += std::cos(2 * pi * value);
  }
  const auto n = static_cast<double>(x.size());
  return -20 * std::exp(-0.2 * std::sqrt(squares / n)) - std::exp(waves / n) + 20 + std::numbers::e;
}

double rastrigin(const Vector& x) {
  double sum = 10 * static_cast<double>(x.size());
  for (const double value : x) sum += value * value - 10 * std::cos(2 * pi * value);
  return sum;
}

double griewank(const Vector& x) {
  double sum = 0;
  double product = 1;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sum += x[i] * x[i] / 4000;
    product *= std::cos(x[i] / std::sqrt(static_cast<double>(i + 1)));
  }
  return sum - product + 1;
}

double styblinski(const Vector& x) {
  double sum = 0;
  for (const double value : x) {
    const double v = value * value;
    sum += v * v - 16 * v + 5 * value;
  }
  return sum / 2;
}

struct Definition {
  const char* name;
  double (*function)(const Vector& x);
  std::size_t dims;
  double low;
  double high;
  double best;
  std::array<double, 6> optimum;  // its first axes; the others are as the first
  bool may_move;                  // by a fifth of the box: where the optimum stays inside
};

constexpr std::array kDefinitions{
    Definition{"branin", branin, 2, 0, 15, 0.39788735772973816, {pi, 2.275}, false},
    Definition{"hartmann3",
               hartmann3,
               3,
               0,
               1,
               -3.8627797873327696,
               {0.114614, 0.555649, 0.852547},
               false},
    Definition{"hartmann6",
               hartmann6,
               6,
               0,
               1,
               -3.3223680114155147,
               {0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573},
               false},
    Definition{"camel", camel, 2, -3, 3, -1.0316284534898774, {0.0898420131, -0.7126564030}, true},
    Definition{"rosenbrock4", rosenbrock, 4, -5, 10, 0, {1}, true},
    Definition{"rosenbrock8", rosenbrock, 8, -5, 10, 0, {1}, true},
    Definition{"levy4", levy, 4, -10, 10, 0, {1}, true},
    Definition{"levy10", levy, 10, -10, 10, 0, {1}, true},
    Definition{"ackley10", ackley, 10, -32.768, 32.768, 0, {0}, true},
    Definition{"rastrigin5", rastrigin, 5, -5.12, 5.12, 0, {0}, true},
    Definition{"griewank6", griewank, 6, -600, 600, 0, {0}, true},
    Definition{
        "styblinski5", styblinski, 5, -5, 5, -39.166165703771416 * 5, {-2.903534027771177}, true}};

constexpr double kLongestMove = 0.2;  // of the box's width

class Analytic : public BoxFunction {
 public:
  Analytic(const Definition& definition, std::uint64_t seed) : function_(definition.function) {
    low.assign(definition.dims, definition.low);
    high.assign(definition.dims, definition.high);
    best = definition.best;
    if (definition.function == branin) {
      low[0] = -5;
      high[0] = 10;
    }
    if (definition.function == camel) {
      low[1] = -2;
      high[1] = 2;
    }
    hpo::Rng rng(seed, 0xA1);
    for (std::size_t i = 0; i < low.size(); ++i) {
      const double move = kLongestMove * (2 * rng.uniform() - 1) * (high[i] - low[i]);
      is_mirrored_.push_back(rng.uniform() < 0.5);
      move_.push_back(definition.may_move ? move : 0);
      // Symmetric functions have the same place on every axis and name it once.
      const bool is_listed = definition.low == 0 || definition.function == camel;
      const double at = definition.optimum[is_listed ? i : 0] + move_[i];
      optimum.push_back(is_mirrored_[i] ? low[i] + high[i] - at : at);
    }
  }

  double operator()(const Vector& x) const override {
    Vector moved(x);
    for (std::size_t i = 0; i < x.size(); ++i)
      moved[i] = (is_mirrored_[i] ? low[i] + high[i] - x[i] : x[i]) - move_[i];
    return function_(moved);
  }

 private:
  double (*function_)(const Vector& x);
  std::vector<bool> is_mirrored_;
  Vector move_;
};

}  // namespace

const std::vector<std::string>& analytic_names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const Definition& definition : kDefinitions) names.emplace_back(definition.name);
    return names;
  }();
  return kNames;
}

std::unique_ptr<BoxFunction> make_analytic(std::size_t index, std::uint64_t seed) {
  return std::make_unique<Analytic>(kDefinitions.at(index), seed);
}

}  // namespace galley::bench
