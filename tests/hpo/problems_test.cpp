// The problems and statistics of the regret benchmark: what they claim about themselves.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "hpo/problems.h"
#include "hpo/rank_tests.h"
#include "support/temp_folder.h"

namespace {

using namespace galley::bench;

void expect_optimum(const BoxFunction& function, const std::string& name) {
  EXPECT_NEAR(function(function.optimum), function.best, 1e-5) << name;
  galley::hpo::Rng rng(4);
  for (std::size_t i = 0; i < function.low.size(); ++i) {
    EXPECT_GE(function.optimum[i], function.low[i]) << name;
    EXPECT_LE(function.optimum[i], function.high[i]) << name;
  }
  for (int k = 0; k < 300; ++k) {
    std::vector<double> x;
    for (std::size_t i = 0; i < function.low.size(); ++i)
      x.push_back(function.low[i] + rng.uniform() * (function.high[i] - function.low[i]));
    EXPECT_GE(function(x), function.best - 1e-9) << name;
  }
}

TEST(Problems, OptimaLieInsideAndNothingIsBelow) {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    for (std::size_t i = 0; i < analytic_names().size(); ++i)
      expect_optimum(*make_analytic(i, seed), analytic_names()[i]);
    for (std::size_t i = 0; i < bbob_names().size(); ++i)
      expect_optimum(*make_bbob(i, seed), bbob_names()[i]);
  }
}

TEST(Problems, SeedsMoveTheFunctionsAndAreRepeatable) {
  const auto one = make_function("bbob-f15", 1);
  const auto same = make_function("bbob-f15", 1);
  const auto other = make_function("bbob-f15", 4);
  const galley::hpo::Point x{1, 2, -3, 0.5, 4};
  EXPECT_EQ((*one)->truth(x), (*same)->truth(x));
  EXPECT_NE((*one)->truth(x), (*other)->truth(x));
  EXPECT_GT((*one)->median(), (*one)->best());
  EXPECT_FALSE(make_function("bbob-f25", 1));
}

TEST(Problems, TablesAreFoundReadAndCheckedForTheirSize) {
  galley::testing::TempFolder folder;
  const auto kind = folder.path() / "nasbench201";
  std::filesystem::create_directories(kind);
  std::vector<float> values(15625 * 3);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i / 3);
  values[5] = std::nanf("");
  std::ofstream(kind / "any.f32", std::ios::binary)
      .write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(float)));
  std::ofstream(kind / "short.f32") << "1234";

  const auto found = find_tables(folder.path());
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 2U);
  const auto table = open_table((*found)[0], 1);
  ASSERT_TRUE(table);
  EXPECT_EQ((*table)->best(), -15624);  // accuracy is maximised
  EXPECT_EQ((*table)->truth({0, 0, 0, 0, 1, 2}), -7);
  for (std::uint64_t query = 0; query < 20; ++query)
    EXPECT_EQ((*table)->observe({0, 0, 0, 0, 0, 1}, query), -1);  // never the missing repetition
  EXPECT_EQ(open_table((*found)[1], 1).error().code, galley::Errc::corrupt);
  EXPECT_FALSE(find_tables(kind));
}

TEST(RankTests, AgreeWithTextbookValues) {
  EXPECT_EQ(ranks_of({3, 1, 3, 0}), (std::vector<double>{3.5, 2, 3.5, 1}));
  const auto corrected = holm({0.01, 0.04, 0.03});
  EXPECT_NEAR(corrected[0], 0.03, 1e-12);
  EXPECT_NEAR(corrected[1], 0.06, 1e-12);
  EXPECT_NEAR(corrected[2], 0.06, 1e-12);
  // All ten of one sign: W = 0, mean 27.5, variance 96.25.
  EXPECT_NEAR(wilcoxon_p({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}), std::erfc(27.5 / std::sqrt(96.25 * 2)),
              1e-12);
  EXPECT_NEAR(wilcoxon_p({1, -1, 2, -2, 3, -3}), 1, 1e-12);
}

}  // namespace
