#include "classifier/classifier_bench.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "support/temp_folder.h"
#include "toy_data.h"

namespace galley::bench {
namespace {

TEST(ClassifierBench, GivesEveryFigureOfItsForm) {
  const testing::TempFolder folder;
  ASSERT_TRUE(write_file_atomic(folder / "ratings_train.txt", testing::toy_reviews(1500, 1),
                                Durability::memory));
  ASSERT_TRUE(write_file_atomic(folder / "ratings_test.txt", testing::toy_reviews(300, 2),
                                Durability::memory));

  const auto report = run_classifier_bench({.data = folder.path(), .seeds = 2, .threads = 1});

  ASSERT_TRUE(report) << describe(report.error());
  EXPECT_EQ(report->name, "classifier");
  EXPECT_EQ(report->seeds, (std::vector<std::int64_t>{1, 2}));
  EXPECT_GE(report->figures.at("accuracy"), 0.98);
  EXPECT_GE(report->figures.at("baseline_accuracy"), 0.98);
  EXPECT_GE(report->figures.at("accuracy_sd"), 0);
  for (const char* name : {"train_seconds", "tokens_per_s_per_core", "model_bytes", "predict_us"})
    EXPECT_GT(report->figures.at(name), 0) << name;
  EXPECT_EQ(report->peers.at("linear_baseline").at("accuracy"),
            report->figures.at("baseline_accuracy"));
}

TEST(ClassifierBench, RefusesAFolderWithoutATest) {
  const testing::TempFolder folder;
  ASSERT_TRUE(
      write_file_atomic(folder / "train.tsv", testing::toy_reviews(50, 1), Durability::memory));
  EXPECT_EQ(run_classifier_bench({.data = folder.path()}).error().code, Errc::not_found);
  EXPECT_EQ(run_classifier_bench({.data = folder.path(), .seeds = 0}).error().code,
            Errc::invalid_argument);
}

}  // namespace
}  // namespace galley::bench
