#include <unistd.h>

#include <iostream>

#include "base/file.h"
#include "fixture.h"

namespace galley::cli::testing {
namespace {

using ModelsTest = ClientTest;

TEST_F(ModelsTest, DeployRollbackHistory) {
  answer("PUT", "/api/v1/models/{name}/channels/{channel}",
         {{"snapshot_ref", "nsmc@2"}, {"generation", 2}});
  answer("POST", "/api/v1/models/{name}/channels/{channel}/rollback",
         {{"snapshot_ref", "nsmc@1"}, {"previous_snapshot_ref", "nsmc@2"}, {"generation", 3}});
  answer("GET", "/api/v1/models/{name}/history",
         {{"items",
           {{{"channel", "prod"},
             {"action", "rollback"},
             {"snapshot_ref", "nsmc@1"},
             {"previous_snapshot_ref", "nsmc@2"},
             {"at", "2026-11-21T06:00:00.000Z"}}}}});
  EXPECT_EQ(galley({"deploy", "nsmc@2", "--channel", "prod"}).out, "nsmc prod is nsmc@2\n");
  EXPECT_EQ(requests().back(), R"(PUT /api/v1/models/nsmc/channels/prod {"snapshot":"nsmc@2"})");
  EXPECT_EQ(galley({"rollback", "nsmc"}).out, "nsmc prod is nsmc@1 again, and no longer nsmc@2\n");
  EXPECT_THAT(galley({"history", "nsmc"}).out, HasSubstr("rollback"));
  EXPECT_THAT(galley({"model", "history", "nsmc"}).out, HasSubstr("rollback"));
  EXPECT_EQ(galley({"deploy", "nsmc"}).code, 2);
}

TEST_F(ModelsTest, ARefusedDeploymentSaysWhy) {
  handle("PUT", "/api/v1/models/{name}/channels/{channel}", [](const http::Request& request) {
    return http::problem({Errc::unsupported, "nsmc@2 cannot be loaded: no card.json"}, request.id);
  });
  const auto done = galley({"deploy", "nsmc@2"});
  EXPECT_EQ(done.code, 1);
  EXPECT_EQ(done.err, "nsmc@2 cannot be loaded: no card.json\n");
}

TEST_F(ModelsTest, ListsModelsWithTheirChannels) {
  const Json model{{"name", "nsmc"},
                   {"snapshots", 2},
                   {"latest", "nsmc@2"},
                   {"loaded", true},
                   {"channels", {{"prod", {{"snapshot_ref", "nsmc@1"}, {"generation", 3}}}}}};
  answer("GET", "/api/v1/models", {{"items", {model}}});
  answer("GET", "/api/v1/models/{name}", model);
  EXPECT_THAT(galley({"models"}).out, HasSubstr("prod=nsmc@1"));
  EXPECT_THAT(galley({"model", "show", "nsmc"}).out, HasSubstr("nsmc@1"));
}

TEST_F(ModelsTest, PredictsArgumentsAndLinesOfStandardInput) {
  handle("POST", "/v1/predict", [](const http::Request& request) {
    const auto asked = parse_json(request.body);
    Json answer{{"model", "nsmc"},
                {"snapshot", "nsmc@1"},
                {"time_ms", 0.5},
                {"predictions", Json::array()}};
    for (std::size_t i = 0; asked && i < (*asked)["texts"].size(); ++i)
      answer["predictions"].push_back(
          {{"label", "positive"}, {"probabilities", {{"positive", 0.9}, {"negative", 0.1}}}});
    return http::Response::json(dump_json(answer));
  });
  const auto one = galley({"predict", "nsmc", "submit"});  // a text that is also a command
  EXPECT_EQ(one.code, 0) << one.err;
  EXPECT_EQ(one.out, "LABEL     PROBABILITY  TEXT\npositive       0.9000  submit\n");
  EXPECT_EQ(one.err, "nsmc@1, 0.50 ms\n");
  EXPECT_EQ(galley({"predict", "nsmc", "--", "--bad--"}).code, 0);

  std::string lines;
  for (int i = 0; i < 600; ++i) lines += "텍스트 " + std::to_string(i) + "\n";
  ASSERT_TRUE(write_file_atomic(home / "in.txt", lines, Durability::memory));
  const UniqueFd before(::dup(STDIN_FILENO));
  ASSERT_NE(std::freopen((home / "in.txt").c_str(), "r", stdin), nullptr);
  std::cin.clear();  // at its end when the test is repeated
  const auto many = galley({"predict", "nsmc", "--json"});
  ::dup2(before.get(), STDIN_FILENO);
  EXPECT_EQ(many.code, 0) << many.err;
  const auto json = parse_json(many.out);
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["predictions"].size(), 600U);
}

}  // namespace
}  // namespace galley::cli::testing
