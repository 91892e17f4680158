#include "placements_file.h"

#include <gmock/gmock.h>

#include "support/temp_folder.h"

namespace galley::serving {
namespace {

using ::testing::HasSubstr;

PlacedChannel placed(const std::string& model, const std::string& channel) {
  return {.placement = {.model = model,
                        .channel = channel,
                        .snapshot_id = "snap_1",
                        .snapshot_ref = model + "@1",
                        .manifest_sha256 = std::string(64, 'a'),
                        .generation = 7},
          .previous_snapshot_id = "snap_0"};
}

TEST(Placements, SurviveTheFile) {
  const testing::TempFolder temp;
  auto second = placed("b", "canary");
  second.previous_snapshot_id.clear();
  ASSERT_TRUE(write_placements(temp / "p.json", {placed("a", "prod"), second}));
  const auto read = read_placements(temp / "p.json");
  ASSERT_TRUE(read) << describe(read.error());
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ(print_placements(*read), print_placements({placed("a", "prod"), second}));
  EXPECT_EQ((*read)[0].previous_snapshot_id, "snap_0");
  EXPECT_EQ((*read)[0].placement.generation, 7);
}

TEST(Placements, AreNoneWithoutAFile) {
  const testing::TempFolder temp;
  const auto read = read_placements(temp / "p.json");
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->empty());
}

TEST(Placements, RefuseWhatTheyDidNotWrite) {
  const auto refuse = [](std::string text, const std::string& part) {
    const auto parsed = parse_placements(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Errc::corrupt);
    EXPECT_THAT(describe(parsed.error()), HasSubstr(part));
  };
  const std::string good = print_placements({placed("a", "prod")});
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  refuse("", "ends too early");
  refuse("[]", "an object");
  refuse("{}", "placements: required field is missing");
  refuse(with("\"generation\"", "\"generatoin\""), "did you mean placements[0].generation?");
  refuse(with("7", "\"7\""), "placements[0].generation");
  refuse(with("7", "-7"), "placements[0].generation");
  refuse(with("a@1", "b@1"), "placements[0].snapshot_ref");
  refuse(with("snap_1", "../x"), "placements[0].snapshot_id");
  refuse(with("snap_0", "../x"), "placements[0].previous_snapshot_id");
  refuse(print_placements({placed("a", "prod"), placed("a", "prod")}), "a:prod is placed twice");
}

}  // namespace
}  // namespace galley::serving
