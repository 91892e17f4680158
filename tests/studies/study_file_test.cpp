#include "study_file.h"

#include <gmock/gmock.h>

namespace galley::studies {
namespace {

using ::testing::HasSubstr;

/// A population is worth it where GPUs are many: its settings may change on the way.
Json schedule_study() {
  return {{"h_params",
           {{"lr",
             {{"type", "float"},
              {"distribution", "log_uniform"},
              {"parameters", {1e-3, 1}},
              {"p_range", {1e-4, 2}}}}}},
          {"measure", "accuracy"},
          {"order", "descending"},
          {"max_resource", 27},
          {"checkpoints", true},
          {"job", {{"command", {"train", "{lr}"}}, {"resources", {{"gpus", 1}}}}}};
}

SlotsOf slots(std::int64_t count) {
  return [count](const StudyFile&) -> Result<std::int64_t> { return count; };
}

TEST(StudyFile, MethodsAreChosenByTheMachinesThatThereAre) {
  Json many = schedule_study();
  const auto wide = read_study_file(many, slots(64));
  ASSERT_TRUE(wide) << describe(wide.error());
  EXPECT_TRUE(wide->spec.pbt.enabled);
  EXPECT_EQ(wide->spec.population, 64);
  Json few = schedule_study();
  const auto narrow = read_study_file(few, slots(2));
  ASSERT_TRUE(narrow);
  EXPECT_EQ(narrow->spec.sampler, "hybrid");
  EXPECT_THAT(narrow->why, HasSubstr("2 trials at once are too few"));
}

TEST(StudyFile, AStudyStaysWhatItWasWhenMachinesComeAndGo) {
  Json file = schedule_study();
  ASSERT_TRUE(read_study_file(file, slots(16)));
  EXPECT_EQ(file.at("at_once"), 16);
  const auto later = read_study_file(file, slots(2));
  ASSERT_TRUE(later);
  EXPECT_EQ(later->spec.population, 16);
  EXPECT_EQ(read_study_file(std::as_const(file))->spec.population, 16);
}

TEST(StudyFile, NothingIsNotedWhereNothingDependsOnIt) {
  Json named = schedule_study();
  named["tune"] = "random";
  ASSERT_TRUE(read_study_file(named, slots(16)));
  EXPECT_FALSE(named.contains("at_once"));
  Json unknown = schedule_study();
  ASSERT_TRUE(read_study_file(unknown, slots(0)));
  EXPECT_FALSE(unknown.contains("at_once")) << "no machine has joined yet";
}

TEST(StudyFile, NoMoreMembersThanTrialsOrAllowedGpus) {
  Json file = schedule_study();
  file["gpus"] = {{"max", 12}};
  EXPECT_EQ(read_study_file(file, slots(64))->spec.population, 12);
  file = schedule_study();
  file["termination"] = {{"max_session_number", 20}};
  EXPECT_EQ(read_study_file(file, slots(64))->spec.population, 20);
}

TEST(StudyFile, AMisspeltPlaceholderIsNamed) {
  Json file = schedule_study();
  file["h_params"]["depth"] = {
      {"type", "int"}, {"distribution", "uniform"}, {"parameters", {1, 8}}};
  const auto complaint = [&](std::vector<std::string> command) -> std::string {
    file["job"]["command"] = std::move(command);
    const auto read = read_study_file(std::as_const(file));
    return read ? "" : describe(read.error());
  };
  EXPECT_THAT(
      complaint({"train", "--depth={depht}"}),
      ::testing::AllOf(HasSubstr("job.command[1]"), HasSubstr("{depht}"), HasSubstr("{depth}")));
  EXPECT_EQ(complaint({"train", "{depth}", "{lr}", "{seed}", "{budget}", "{checkpoint}"}), "");
  EXPECT_EQ(complaint({"sh", "-c", "echo ${depht} {a,b} {x} {print} ${HOME} { depht }"}), "");
  file["job"]["env"] = {{"DEPTH", "{dept}"}};
  EXPECT_THAT(complaint({"train"}), HasSubstr("job.env.DEPTH"));
}

TEST(StudyFile, TrialsAtOnceAreAWholeNumber) {
  for (const Json& wrong : {Json(0), Json(-1), Json(2.5), Json("8"), Json(1'000'000)}) {
    Json file = schedule_study();
    file["at_once"] = wrong;
    const auto read = read_study_file(std::as_const(file));
    ASSERT_FALSE(read) << wrong;
    EXPECT_EQ(read.error().field, "at_once");
  }
}

}  // namespace
}  // namespace galley::studies
