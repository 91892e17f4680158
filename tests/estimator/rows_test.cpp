#include "estimator/rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace galley::estimator {
namespace {

using ::testing::HasSubstr;

RowsFile one_row() {
  Observation row;
  row.job.network = *find_network("resnet50");
  row.job.gpu = *find_gpu("V100");
  row.job.gpus = 8;
  row.job.nodes = 2;
  row.job.batch_per_gpu = 64;
  row.job.precision = Precision::fp16;
  row.job.loader_threads = 4;
  row.job.fullest_node = 6;
  row.job.tensor_parallel = 2;
  row.job.pipeline_parallel = 2;
  row.job.micro_batches = 4;
  row.job.training = false;
  row.job.variant = "fusion";
  row.step_s = 0.25;
  return {{row}, {"a kind"}};
}

TEST(Rows, ComeBackAsTheyWerePrinted) {
  const auto read = parse_rows(print_rows(one_row()));
  ASSERT_TRUE(read) << describe(read.error());
  ASSERT_EQ(read->rows.size(), 1U);
  EXPECT_EQ(read->groups, std::vector<std::string>{"a kind"});
  const auto printed = one_row();
  const auto& before = printed.rows[0];
  const auto& after = read->rows[0];
  EXPECT_EQ(after.step_s, before.step_s);
  EXPECT_EQ(after.job.gpu.name, before.job.gpu.name);
  EXPECT_EQ(after.job.precision, before.job.precision);
  EXPECT_EQ(step_terms(after.job).seconds, step_terms(before.job).seconds);
  EXPECT_EQ(feature_row(after.job).categories, feature_row(before.job).categories);
  EXPECT_EQ(feature_row(after.job).numbers, feature_row(before.job).numbers);
}

TEST(Rows, FaultsNameRowAndField) {
  const auto refused = [](const std::string& from, const std::string& to) {
    std::string text = print_rows(one_row());
    const auto at = text.find(from);
    EXPECT_NE(at, text.npos) << from;
    text.replace(at, from.size(), to);
    const auto read = parse_rows(text);
    return read ? std::string("accepted") : describe(read.error());
  };
  EXPECT_THAT(refused("0.25", "0"), HasSubstr("rows[0].step_s"));
  EXPECT_THAT(refused("\"fp16\"", "\"fp17\""), HasSubstr("rows[0]"));
  EXPECT_THAT(refused("\"training\":false", "\"training\":0"), HasSubstr("rows[0].training"));
  EXPECT_THAT(refused("V100 SXM2 16GB", "Zeta 9"),
              HasSubstr("no data sheet is known for 'Zeta 9'"));
  EXPECT_THAT(refused("\"gpus\":8", "\"gpus\":-8"), HasSubstr("rows[0].gpus"));
  EXPECT_THAT(refused("\"estimator_rows\"", "\"rows\""), HasSubstr("estimator_rows"));
  EXPECT_FALSE(parse_rows("[]"));
  EXPECT_FALSE(parse_rows(R"({"kind":"estimator_rows","version":1,"rows":{}})"));
}

}  // namespace
}  // namespace galley::estimator
