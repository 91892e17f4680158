#include "job_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace galley::estimates {
namespace {

protocol::JobSpec job_of(std::vector<std::string> command,
                         std::map<std::string, std::string> env = {}) {
  protocol::JobSpec job;
  job.command = std::move(command);
  job.env = std::move(env);
  return job;
}

TEST(JobWords, FlagsOfAnySpellingAreRead) {
  const auto work = work_of_words(
      words_of(job_of({"torchrun", "train.py", "--model_name_or_path", "meta/gpt2",
                       "--per-device-train-batch-size=8", "--num_train_epochs", "3", "--bf16",
                       "--dataloader_num_workers", "4", "model.parameters=124M"})));
  EXPECT_EQ(work.network, "gpt2");
  EXPECT_EQ(work.batch_per_gpu, 8);
  EXPECT_EQ(work.epochs, 3);
  EXPECT_EQ(work.precision, "bf16");
  EXPECT_EQ(work.loader_threads, 4);
  EXPECT_EQ(work.parameters_m, 124);
}

TEST(JobWords, TheCommandGoesBeforeTheEnvironmentAndLoggedParametersBeforeBoth) {
  const auto job = job_of({"a", "--epochs", "5"}, {{"EPOCHS", "1"}, {"GALLEY_NETWORK", "vgg16"}});
  EXPECT_EQ(work_of_words(words_of(job)).epochs, 5);
  EXPECT_EQ(work_of_words(words_of(job)).network, "vgg16");
  const std::vector<std::pair<std::string, std::string>> params{{"epochs", "7"}};
  EXPECT_EQ(work_of_words(words_of(job, params)).epochs, 7);
}

TEST(JobWords, NonsenseIsNoNumber) {
  const auto work = work_of_words(
      words_of(job_of({"a", "--epochs", "many", "--batch-size", "-4", "--max-steps", "nan"})));
  EXPECT_EQ(work.epochs, 0);
  EXPECT_EQ(work.steps, 0);
  EXPECT_FALSE(features_of(work));
}

TEST(JobWords, StepsComeFromTheLengthOrFromTheData) {
  EXPECT_EQ(steps_of({.steps = 70}, 4), 70);
  EXPECT_EQ(steps_of({.batch_per_gpu = 8, .epochs = 3, .items = 100}, 4), 12);
  EXPECT_EQ(steps_of({.global_batch = 8, .epochs = 3, .items = 100}, 4), 39);
  EXPECT_EQ(steps_of({.batch_per_gpu = 8, .epochs = 3}, 4), 0);
}

TEST(JobWords, KindsOfJobsLeaveOutSeedsAndOutputs) {
  const auto kind = [](std::vector<std::string> command) {
    return kind_of_job(job_of(std::move(command)));
  };
  EXPECT_EQ(kind({"a", "--seed", "1", "--n", "2"}), kind({"a", "--seed", "9", "--n", "2"}));
  EXPECT_EQ(kind({"a", "--out=x"}), kind({"a", "--out=y"}));
  EXPECT_NE(kind({"a", "--n", "2"}), kind({"a", "--n", "3"}));
  auto many = job_of({"a"});
  many.resources.gpus = 2;
  EXPECT_NE(kind({"a"}), kind_of_job(many));
}

}  // namespace
}  // namespace galley::estimates
