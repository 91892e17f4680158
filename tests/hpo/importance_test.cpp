#include "hpo/importance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "hpo/space.h"

namespace galley::hpo {
namespace {

Space cube(std::size_t dims, double low, double high) {
  std::vector<Parameter> parameters;
  for (std::size_t i = 0; i < dims; ++i)
    parameters.push_back({.name = "p" + std::to_string(i), .low = low, .high = high});
  auto space = Space::make(std::move(parameters));
  EXPECT_TRUE(space);
  return *std::move(space);
}

template <class Function>
std::vector<Observation> observe(const Space& space, int count, const Function& loss) {
  Rng rng(7);
  std::vector<Observation> seen;
  for (int i = 0; i < count; ++i) {
    const Point point = space.draw(rng);
    seen.push_back({i, point, 0, {loss(point)}});
  }
  return seen;
}

TEST(Importance, EqualsTheBruteForceDecompositionOfAGridThatIsFullyKnown) {
  std::vector<Parameter> parameters;
  for (const char* name : {"a", "b", "c"})
    parameters.push_back({.name = name,
                          .kind = ParameterKind::ordered,
                          .choices = {std::string("x"), std::string("y"), std::string("z")}});
  const auto space = Space::make(std::move(parameters));
  ASSERT_TRUE(space);
  const auto loss = [](double a, double b, double c) {
    return 3 * a + (b == 1 ? 2 : 0) + (a == 2 && c == 0 ? 4 : 0) + 0.5 * b * c;
  };
  // Every point 20 times: a bootstrap draw misses one with probability 2e-9.
  std::vector<Observation> seen;
  std::array<std::array<std::array<double, 3>, 3>, 3> grid{};
  double mean = 0;
  for (int i = 0; i < 27 * 20; ++i) {
    const Point point{static_cast<double>(i % 3), static_cast<double>(i / 3 % 3),
                      static_cast<double>(i / 9 % 3)};
    const double value = loss(point[0], point[1], point[2]);
    grid[static_cast<std::size_t>(i % 3)][static_cast<std::size_t>(i / 3 % 3)]
        [static_cast<std::size_t>(i / 9 % 3)] = value;
    seen.push_back({i, point, 0, {value}});
    mean += value / (27 * 20);
  }
  double variance = 0;
  std::array<double, 3> alone{};
  double together_ac = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    std::array<double, 3> along{};
    for (std::size_t j = 0; j < 3; ++j) {
      double ac = 0;
      for (std::size_t k = 0; k < 3; ++k) {
        variance += (grid[i][j][k] - mean) * (grid[i][j][k] - mean) / 27;
        along[0] += grid[i][j][k] / 9;
        along[1] += grid[j][i][k] / 9;
        along[2] += grid[j][k][i] / 9;
        ac += grid[i][k][j] / 3;
      }
      together_ac += (ac - mean) * (ac - mean) / 9;
    }
    for (std::size_t p = 0; p < 3; ++p) alone[p] += (along[p] - mean) * (along[p] - mean) / 3;
  }

  const auto found = importance(*space, seen);

  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->rows, 540u);
  for (std::size_t p = 0; p < 3; ++p) EXPECT_NEAR(found->alone[p], alone[p] / variance, 1e-9) << p;
  const auto ac = std::ranges::find_if(
      found->pairs, [](const auto& pair) { return pair.first == 0 && pair.second == 2; });
  ASSERT_NE(ac, found->pairs.end());
  EXPECT_NEAR(ac->share, (together_ac - alone[0] - alone[2]) / variance, 1e-9);
}

TEST(Importance, ComesNearTheKnownIndicesOfIshigami) {
  // sin x1 + 7 sin^2 x2 + 0.1 x3^4 sin x1: 0.314, 0.442, 0 alone, x1 with x3 0.244 (Ishigami and
  // Homma 1990).
  const Space space = cube(4, -std::numbers::pi, std::numbers::pi);
  const auto seen = observe(space, 1000, [](const Point& p) {
    return std::sin(p[0]) + 7 * std::pow(std::sin(p[1]), 2) +
           0.1 * std::pow(p[2], 4) * std::sin(p[0]);
  });
  const auto found = importance(space, seen, {.trees = 16});
  ASSERT_TRUE(found) << found.error().message;
  // With 1,000 draws boxes are coarse: a part of what x2 does looks like interactions.
  EXPECT_NEAR(found->alone[0], 0.314, 0.15);
  EXPECT_NEAR(found->alone[1], 0.442, 0.15);
  EXPECT_LT(found->alone[2], 0.05);
  EXPECT_LT(found->alone[3], 0.03);
  EXPECT_EQ(found->pairs.front().first, 0u);
  EXPECT_EQ(found->pairs.front().second, 2u);
  EXPECT_NEAR(found->pairs.front().share, 0.244, 0.15);
}

TEST(Importance, DivergedAndFailedTrialsDoNotDrownTheOthers) {
  const Space space = cube(2, 0, 1);
  auto seen = observe(space, 300, [](const Point& p) { return p[0]; });
  for (std::size_t i = 0; i < 12; ++i) seen[i].objectives[0] = 1e12;
  for (std::size_t i = 12; i < 20; ++i) seen[i].objectives = {std::nan("")};
  for (std::size_t i = 20; i < 24; ++i) seen[i].objectives.clear();
  const auto found = importance(space, seen);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->rows, 288u);
  EXPECT_GT(found->alone[0], 0.6);
}

TEST(Importance, OfEqualResultsNothingMattersAndOfFewNothingIsSaid) {
  const Space space = cube(2, 0, 1);
  const auto flat = importance(space, observe(space, 50, [](const Point&) { return 3.0; }));
  ASSERT_TRUE(flat);
  EXPECT_EQ(flat->alone, (std::vector<double>{0, 0}));
  EXPECT_FALSE(importance(space, observe(space, 7, [](const Point& p) { return p[0]; })));
  EXPECT_FALSE(
      importance(space, observe(space, 50, [](const Point& p) { return p[0]; }), {.objective = 1}));
}

}  // namespace
}  // namespace galley::hpo
