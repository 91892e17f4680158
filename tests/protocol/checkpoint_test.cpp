#include "protocol/checkpoint.h"

#include <gtest/gtest.h>

namespace galley::protocol {
namespace {

const std::string kRun = "run_01hzzzzzzzzzzzzzzzzzzzzzzz";
const std::string kDigest(64, 'a');

TEST(Checkpoint, IsARunAndAPathAndPerhapsItsContent) {
  const auto plain = parse_checkpoint(kRun + "/out/model@3.pt");
  ASSERT_TRUE(plain) << describe(plain.error());
  EXPECT_EQ(plain->run.str(), kRun);
  EXPECT_EQ(plain->path, "out/model@3.pt");
  EXPECT_EQ(plain->manifest_sha256, "");
  const auto settled = parse_checkpoint(print_checkpoint({plain->run, plain->path, kDigest}));
  ASSERT_TRUE(settled);
  EXPECT_EQ(settled->path, "out/model@3.pt");
  EXPECT_EQ(settled->manifest_sha256, kDigest);
}

TEST(Checkpoint, WhatNamesNoneIsRefusedWithWhatWouldBeRight) {
  for (const std::string& text : {std::string(), std::string("model.pt"), kRun, kRun + "/",
                                  std::string("job_1/model.pt"), kRun + "/a\nb"}) {
    const auto parsed = parse_checkpoint(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().field, "checkpoint");
    EXPECT_NE(parsed.error().expected.find("RUN/PATH"), std::string::npos);
  }
}

TEST(Checkpoint, ItsContentIsKeptUnderANameThatNoDataSetHas) {
  EXPECT_EQ(manifest_of_content(checkpoint_content(kDigest)), kDigest);
  for (const char* name : {"reviews@1", "checkpoint@1", "checkpoint@", "checkpoint"})
    EXPECT_EQ(manifest_of_content(name), "") << name;
}

}  // namespace
}  // namespace galley::protocol
