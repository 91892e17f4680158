#include "trial_job.h"

#include "fixture.h"

namespace galley::studies {
namespace {

protocol::JobSpec filled(std::vector<std::string> command, const Json& params) {
  protocol::JobSpec job;
  job.command = std::move(command);
  job.env["LR"] = "{lr}";
  StudyRecord study{.name = "toy", .team = "nlp", .file = study_file()};
  return job_of_trial(job, study,
                      {.trial = 3, .params = params, .budget = 9, .checkpoint = "c", .seed = 2});
}

TEST(TrialJobTest, SettingsTakeThePlacesOfTheirNames) {
  const auto job = filled({"train", "--lr={lr}", "--act", "{act}", "--epochs", "{budget}"},
                          {{"lr", 0.01}, {"act", "relu"}});
  EXPECT_EQ(job.command,
            (std::vector<std::string>{"train", "--lr=0.01", "--act", "relu", "--epochs", "9"}));
  EXPECT_EQ(job.env.at("LR"), "0.01");
  EXPECT_EQ(job.env.at("GALLEY_PARAMS"), R"({"act":"relu","lr":0.01})");
  EXPECT_EQ(job.env.at("GALLEY_TRIAL"), "3");
  EXPECT_EQ(job.env.at("GALLEY_TRIAL_SEED"), "2");
  EXPECT_EQ(job.env.at("GALLEY_TRIAL_CHECKPOINT"), "{checkpoint}") << "the agent fills it in";
  EXPECT_EQ(job.checkpoint, "c");
  EXPECT_EQ(job.name, "toy/3");
  EXPECT_EQ(job.team, "nlp");
}

TEST(TrialJobTest, EachTrialHasEventFilesOfItsOwn) {
  protocol::JobSpec job;
  job.command = {"train"};
  job.metrics = {.tensorboard = "runs/{act}-{trial}"};
  const auto trial = job_of_trial(job, {.name = "toy", .file = study_file()},
                                  {.trial = 3, .params = {{"lr", 0.01}, {"act", "relu"}}});
  EXPECT_EQ(trial.metrics->tensorboard, "runs/relu-3");
}

TEST(TrialJobTest, OtherBracesStay) {
  const auto job =
      filled({"sh", "-c", "echo ${HOME} {a,b} {lr {lr} }", "{trial}{checkpoint}"}, {{"lr", 0.01}});
  EXPECT_EQ(job.command[2], "echo ${HOME} {a,b} {lr 0.01 }");
  EXPECT_EQ(job.command[3], "3{checkpoint}");
}

TEST(TrialJobTest, ASettingThatATrialDoesNotHaveIsEmpty) {
  EXPECT_EQ(filled({"train", "--act={act}"}, {{"lr", 0.5}}).command[1], "--act=");
}

}  // namespace
}  // namespace galley::studies
