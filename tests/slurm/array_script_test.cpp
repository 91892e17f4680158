#include "array_script.h"

#include <gmock/gmock.h>

#include "base/file.h"
#include "process/child.h"
#include "support/temp_folder.h"

namespace galley::slurm {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

using Groups = std::vector<std::vector<std::size_t>>;

TEST(GroupWishes, ThoseThatAskForTheSameGoTogetherInTheirOrder) {
  const std::vector<Wish> wishes{{.request = {"a"}}, {.request = {"b"}}, {.request = {"a"}},
                                 {.request = {"c"}}, {.request = {"b"}}, {.request = {"a"}}};
  EXPECT_EQ(group_wishes(wishes, {}), (Groups{{0, 2, 5}, {1, 4}, {3}}));
  EXPECT_EQ(group_wishes({}, {}), Groups{});
}

TEST(GroupWishes, OneThatGoesAloneDoes) {
  const std::vector<Wish> wishes{
      {.request = {"a"}}, {.request = {"a"}, .alone = true}, {.request = {"a"}}};
  EXPECT_EQ(group_wishes(wishes, {}), (Groups{{0, 2}, {1}}));
  EXPECT_EQ(group_wishes(std::vector<Wish>(2, {.request = {"a"}, .alone = true}), {}),
            (Groups{{0}, {1}}));
}

TEST(GroupWishes, NoArrayPassesTheLimits) {
  const std::vector<Wish> five(5, {.request = {"a"}, .script_bytes = 10});
  EXPECT_EQ(group_wishes(five, {.members = 2}), (Groups{{0, 1}, {2, 3}, {4}}));
  EXPECT_EQ(group_wishes(five, {.members = 1}), (Groups{{0}, {1}, {2}, {3}, {4}}));
  EXPECT_EQ(group_wishes(five, {.script_bytes = 39}), (Groups{{0, 1, 2}, {3, 4}}));
  EXPECT_EQ(group_wishes(five, {.script_bytes = 5}), (Groups{{0}, {1}, {2}, {3}, {4}}));
}

class ArrayScript : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 3; ++i) {
      assignments_[i].attempt_id = AttemptId::trusted("att_" + std::to_string(i));
      assignments_[i].spec.name = "sweep 1";
      const auto folder = temp_ / ("it's $HOME " + std::to_string(i));
      std::filesystem::create_directories(folder);
      members_.push_back({assignments_[i], folder, supervisor_, "main", {"--account=ml"}});
    }
  }
  std::vector<std::string> arguments() const {
    return array_arguments(members_, array_name(assignments_[0].attempt_id, 5), {});
  }

  testing::TempFolder temp_;
  const std::filesystem::path supervisor_ = temp_ / "super visor";
  std::array<protocol::Assignment, 3> assignments_;
  std::vector<Submission> members_;
};

TEST_F(ArrayScript, ArgumentsNameTheArrayAndItsTasks) {
  EXPECT_THAT(arguments(),
              AllOf(Contains("--array=0-2"), Contains("--comment=galley-array:att_0.5"),
                    Contains("--job-name=sweep_1"), Contains("--output=/dev/null"),
                    Contains("--no-requeue"), Contains("--account=ml"), Contains("--nodes=1")));
  assignments_[2].spec.name = "sweep 2";
  EXPECT_THAT(arguments(), Contains("--job-name=galley-array"));
}

TEST_F(ArrayScript, RequestsAreEqualWhateverTheNames) {
  assignments_[1].spec.name = "another";
  assignments_[1].spec.command = {"other"};
  EXPECT_EQ(request_arguments(members_[0], {}), request_arguments(members_[1], {}));
  assignments_[1].spec.resources.cpus = 7;
  EXPECT_NE(request_arguments(members_[0], {}), request_arguments(members_[1], {}));
  assignments_[2].spec.priority_class = protocol::PriorityClass::idle;
  EXPECT_NE(request_arguments(members_[0], {}), request_arguments(members_[2], {}));
}

/// As Slurm runs it.
process::ChildOutput run_task(const std::string& script, const std::string& index) {
  const auto output = process::run_child(
      {"/bin/sh"}, {.env = std::vector<std::string>{"PATH=/usr/bin:/bin", "SLURM_JOB_ID=12005",
                                                    "SLURM_ARRAY_TASK_ID=" + index},
                    .stdin_bytes = script});
  EXPECT_TRUE(output);
  return output ? *output : process::ChildOutput{};
}

TEST_F(ArrayScript, EachTaskBecomesTheSupervisorOfItsFolder) {
  ASSERT_TRUE(write_file_atomic(supervisor_,
                                "#!/bin/sh\necho \"$1|$2|$MASTER_ADDR:$MASTER_PORT\"\n",
                                Durability::memory, 0755));
  const auto script = array_script(members_);
  for (int i = 0; i < 3; ++i) {
    const auto ended = run_task(script, std::to_string(i));
    EXPECT_EQ(ended.exit_code, 0) << ended.stderr_bytes;
    const auto& folder = members_[static_cast<std::size_t>(i)].folder;
    EXPECT_EQ(read_file(folder / "slurm.log", 4096).value_or(""),
              folder.string() + "|as-command|127.0.0.1:20005\n");
  }
  std::size_t bytes = 0;
  for (const Submission& member : members_) bytes += array_script_bytes(member);
  EXPECT_THAT(script.size(), AllOf(::testing::Ge(bytes - 20), ::testing::Le(bytes + 600)));
}

TEST_F(ArrayScript, AnIndexThatIsNoneRunsNothing) {
  const auto script = array_script(members_);
  for (const char* index : {"3", "", "0 "}) {
    const auto ended = run_task(script, index);
    EXPECT_EQ(ended.exit_code, 64) << index;
    EXPECT_THAT(ended.stderr_bytes, HasSubstr("no attempt has the index"));
  }
}

}  // namespace
}  // namespace galley::slurm
