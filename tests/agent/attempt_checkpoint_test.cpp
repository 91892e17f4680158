#include "attempt_checkpoint.h"

#include <gtest/gtest.h>

#include <fstream>

#include "support/temp_folder.h"

namespace galley::agent {
namespace {

namespace fs = std::filesystem;

const std::string kDigest(64, 'b');

class AttemptCheckpoint : public ::testing::Test {
 protected:
  /// The job of a path whose frozen content holds these files.
  std::string seen_as(const std::string& path, const std::vector<std::string>& files) {
    const fs::path content = temp_ / "content";
    fs::create_directories(content);
    for (const auto& file : files) std::ofstream(content / file) << "weights";
    protocol::JobSpec spec;
    spec.checkpoint = "run_01hzzzzzzzzzzzzzzzzzzzzzzz/" + path + "@" + kDigest;
    const AttemptPlace place{.folder = "/attempt",
                             .server = {},
                             .token = {},
                             .data_sets = {{"checkpoint@" + kDigest, "checkpoint", content}}};
    return checkpoint_place(spec, place);
  }
  galley::testing::TempFolder temp_;
};

TEST_F(AttemptCheckpoint, AFileIsSeenAsThatFile) {
  EXPECT_EQ(seen_as("out/model.pt", {"model.pt"}),
            "/attempt/datasets/checkpoint@" + kDigest + "/model.pt");
}

TEST_F(AttemptCheckpoint, AFolderIsSeenAsAFolder) {
  EXPECT_EQ(seen_as("out/step-3", {"model.pt", "optimizer.pt"}),
            "/attempt/datasets/checkpoint@" + kDigest);
}

TEST_F(AttemptCheckpoint, AJobThatBeginsAnewHasNone) {
  EXPECT_EQ(checkpoint_place({}, {}), "");
  EXPECT_EQ(checkpoint_content({}), "");
}

TEST_F(AttemptCheckpoint, ItsPlaceIsPutIntoCommandAndVariables) {
  protocol::JobSpec spec;
  spec.command = {"train", "--from={checkpoint}", "{checkpoint}{checkpoint}", "{lr}"};
  spec.env["FROM"] = "{checkpoint}";
  name_checkpoint(spec, "/a/{checkpoint}");
  EXPECT_EQ(spec.command, (std::vector<std::string>{"train", "--from=/a/{checkpoint}",
                                                    "/a/{checkpoint}/a/{checkpoint}", "{lr}"}));
  EXPECT_EQ(spec.env.at("FROM"), "/a/{checkpoint}");
  protocol::JobSpec anew;
  anew.command = {"train", "{checkpoint}"};
  name_checkpoint(anew, "");
  EXPECT_EQ(anew.command.at(1), "{checkpoint}") << "braces that mean nothing here stay";
}

}  // namespace
}  // namespace galley::agent
