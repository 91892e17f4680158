// galley-train dnn as people run it; needs libtorch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/json.h"
#include "estimator/dnn_file.h"
#include "estimator/physics.h"
#include "estimator/rows.h"
#include "train_fixture.h"

namespace galley {
namespace {

using testing::Ending;
using ::testing::HasSubstr;

estimator::RowsFile measured_rows() {
  estimator::RowsFile file;
  for (const char* network : {"resnet50", "bert base", "vgg16"})
    for (const char* gpu : {"V100", "A100", "T4"})
      for (const double batch : {4.0, 8.0, 16.0, 32.0, 64.0}) {
        estimator::JobFeatures job{.network = *estimator::find_network(network),
                                   .gpu = *estimator::find_gpu(gpu)};
        job.batch_per_gpu = batch;
        file.groups.push_back(std::to_string(file.rows.size()));
        const double step = estimator::physics_step_s({}, job);
        file.rows.push_back({std::move(job), step});
      }
  return file;
}

using GalleyTrainDnn = testing::TrainFixture;

TEST_F(GalleyTrainDnn, ItsFileIsEvaluatedWithoutLibtorchAndItsReportHasEveryKindOfFeatures) {
  const auto rows = measured_rows();
  write("toy.json", estimator::print_rows(rows));
  const Ending ending =
      run({"dnn", "--rows", at("toy.json"), "--out", at("dnn"), "--folds", "2", "--steps", "150"});
  ASSERT_EQ(ending.status, 0) << ending.err;
  const std::string text = read("dnn/dnn.json");
  const auto file = estimator::parse_dnn(text);
  ASSERT_TRUE(file) << describe(file.error());
  double error = 0;
  for (const auto& row : rows.rows)
    error += std::abs(std::log(*estimator::predict_step_s(*file, row.job) / row.step_s));
  EXPECT_LT(error / static_cast<double>(rows.rows.size()), 0.25);

  const Json report = *parse_json(text);
  ASSERT_EQ(report["report"].size(), 1U);
  EXPECT_EQ(report["report"][0]["name"], "toy");
  ASSERT_EQ(report["report"][0]["models"].size(), 4U) << "with physics or not, one-hot or not";
  for (const Json& model : report["report"][0]["models"]) {
    EXPECT_EQ(model["model"], "dnn");
    EXPECT_EQ(model["error_pct_cdf"].size(), 21U);
    EXPECT_EQ(model["tried"].size(), 2U);
  }
}

TEST_F(GalleyTrainDnn, AFileWithoutRowsIsAWrongArgument) {
  write("empty.json", "{}");
  const Ending ending = run({"dnn", "--rows", at("empty.json"), "--out", at("dnn")});
  EXPECT_EQ(ending.status, 2);
  EXPECT_THAT(ending.err, HasSubstr("empty.json"));
}

}  // namespace
}  // namespace galley
