#include "job_example.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "protocol/job_spec.h"
#include "spec_file.h"

namespace galley::cli {
namespace {

TEST(JobExample, IsAJobAsItStands) {
  const auto file = parse_spec_text("job.yaml", job_example());
  ASSERT_TRUE(file) << file.error().message;
  const auto spec = protocol::parse_job_spec(file->json);
  ASSERT_TRUE(spec) << describe(spec.error());
  EXPECT_EQ(spec->name, "train-reviews");
}

TEST(JobExample, StaysAJobWithEveryFieldSwitchedOn) {
  const std::string example = job_example();
  std::string all;
  for (const std::string_view line : split(example, '\n')) {
    const std::size_t mark = line.find('#');
    const bool field = mark != line.npos && mark + 1 < line.size() && line[mark + 1] != ' ';
    all += field ? std::string(line.substr(0, mark)) + std::string(line.substr(mark + 1))
                 : std::string(line);
    all += '\n';
  }
  const auto file = parse_spec_text("job.yaml", all);
  ASSERT_TRUE(file) << file.error().message;
  const auto spec = protocol::parse_job_spec(file->json);
  ASSERT_TRUE(spec) << describe(spec.error());
  // Every field but build, which a file may not have beside image.
  EXPECT_EQ(file->json.size(),
            std::tuple_size_v<decltype(protocol::Fields<protocol::JobSpec>::table)> - 1);
}

TEST(JobSchema, IsASchemaOfEveryField) {
  const auto schema = parse_json(job_schema());
  ASSERT_TRUE(schema);
  EXPECT_EQ((*schema)["properties"]["resources"]["properties"]["gpus"]["type"], "integer");
  EXPECT_EQ((*schema)["required"], Json::array({"command"}));
}

}  // namespace
}  // namespace galley::cli
