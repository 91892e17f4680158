#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "profiling/profile.h"
#include "run_table.h"

namespace galley::profiling {
namespace {

using ::testing::HasSubstr;

Profile example() {
  Profile profile;
  profile.started_at = "2026-11-22T01:00:00.000Z";
  profile.galley_version = "0.1";
  profile.seed = 7;
  profile.scale = 0.5;
  profile.effort = "quick";
  profile.seconds = 12.5;
  profile.model = {.name = "m",
                   .file = "m.gguf",
                   .snapshot = "ab",
                   .format = "q8_0",
                   .parameters = 1'000'000'000'000,
                   .weight_bytes = 5,
                   .blocks = 1,
                   .hidden = 2,
                   .heads = 3,
                   .kv_heads = 4,
                   .vocabulary = 5,
                   .context = 6,
                   .kv_bytes_per_token = 7.5};
  profile.machine = {
      .name = "host", .device = "cpu", .threads = 2, .devices = 1, .memory_bytes = 1U << 30};
  Table table("length");
  table.add({count(0), count(8), count(1), count(64), count(8), number(1.25)});
  table.add({count(1), count(8), count(0), Cell{}, Cell{"none"}, number(-3)});
  table.note("a note with \"quotes\" and 한글");
  profile.experiments.push_back(table.take());
  return profile;
}

TEST(ProfileJson, ComesBackAsItWas) {
  const auto read = parse_profile(print_profile(example()));
  ASSERT_TRUE(read) << describe(read.error());
  EXPECT_EQ(print_profile(*read), print_profile(example()));
  const Experiment* length = read->find("length");
  ASSERT_NE(length, nullptr);
  EXPECT_EQ(length->rows[1][3], Cell{});
  EXPECT_EQ(length->rows[1][4], Cell{"none"});
  EXPECT_EQ(std::get<double>(length->rows[0][5]), 1.25);
  EXPECT_FALSE(length->columns[5].help.empty());
  EXPECT_EQ(read->find("narrow"), nullptr);
  EXPECT_EQ(read->model.parameters, 1'000'000'000'000U);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

struct Broken {
  const char* from;
  const char* to;
  const char* field;
};

class BrokenProfile : public ::testing::TestWithParam<Broken> {};

TEST_P(BrokenProfile, NamesTheMember) {
  const auto text = replaced(print_profile(example()), GetParam().from, GetParam().to);
  const auto read = parse_profile(text);
  ASSERT_FALSE(read) << text;
  EXPECT_EQ(read.error().field, GetParam().field) << read.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    All, BrokenProfile,
    ::testing::Values(Broken{"\"kind\":\"profile\"", "\"kind\":\"job\"", "kind"},
                      Broken{"\"version\":1", "\"version\":2", "version"},
                      Broken{"\"seed\":7", "\"seed\":-7", "seed"},
                      Broken{"\"seconds\":12.5", "\"seconds\":\"12\"", "seconds"},
                      Broken{"\"heads\":3", "\"heads\":4294967296", "model.heads"},
                      Broken{"\"device\":\"cpu\"", "\"device\":null", "machine.device"},
                      Broken{"\"id\":\"length\"", "\"id\":1", "experiments[0].id"},
                      Broken{"[0.0,8.0,1.0", "[8.0,1.0", "experiments[0].rows[0]"},
                      Broken{"[0.0,8.0,1.0", "[[],8.0,1.0", "experiments[0].rows[0][0]"},
                      Broken{"{\"help\":", "{\"aid\":", "experiments[0].columns[0].help"}));

TEST(ProfileJson, IsNoProfileWithoutAKind) {
  for (const char* text : {"", "{}", "[]", "3", "{\"kind\":\"profile\"}"}) {
    EXPECT_FALSE(parse_profile(text)) << text;
  }
}

TEST(Table, KeepsEachNoteOnce) {
  Table table("capacity");
  table.note("a");
  table.notes({"b", "a"});
  EXPECT_EQ(table.take().notes, (std::vector<std::string>{"a", "b"}));
}

TEST(Percentile, IsTheNearestRank) {
  EXPECT_EQ(percentile({3, 1, 2, 4}, 0.5), 2);
  EXPECT_EQ(percentile({3, 1, 2, 4}, 0.99), 4);
  EXPECT_EQ(percentile({5}, 0.01), 5);
}

}  // namespace
}  // namespace galley::profiling
