#include "fixture.h"

namespace galley::cli::testing {
namespace {

using TeamsTest = ClientTest;

Json nlp() {
  return {{"name", "nlp"},
          {"weight", 2.0},
          {"guarantees",
           {{{"gpu_type", "A100"}, {"gpus", 8}, {"count", 4}}, {{"gpus", 1}, {"count", 2}}}},
          {"used_gpu_s", 36'000.0},
          {"running_gpus", 12}};
}

TEST_F(TeamsTest, AreListedWithWhatTheyOwnAndUse) {
  answer("GET", "/api/v1/teams", {{"items", {nlp()}}});
  EXPECT_EQ(galley({"teams"}).out,
            "TEAM  WEIGHT  OWNS          RUNNING GPUS  GPU HOURS USED\n"
            "nlp        2  4xA100:8 2x1            12            10.0\n");
  EXPECT_EQ(galley({"team", "list"}).code, 0);
}

TEST_F(TeamsTest, SetKeepsWhatIsNotNamedAndChecksThatItIsStillSo) {
  handle("GET", "/api/v1/teams/{name}", [](const auto&) {
    auto response = http::Response::json(dump_json(nlp()));
    response.headers.set("ETag", "\"t1\"");
    return response;
  });
  std::string tag;
  handle("PUT", "/api/v1/teams/{name}", [&](const http::Request& request) {
    tag = request.headers.get("If-Match");
    return http::Response::json(dump_json(nlp()));
  });
  const auto done = galley({"teams", "set", "nlp", "--weight", "3.5"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, "nlp  weight 2  owns 4xA100:8 2x1\n");
  EXPECT_EQ(tag, "\"t1\"");
  const auto sent = requests().back();
  EXPECT_THAT(sent, HasSubstr(R"("weight":3.5)"));
  EXPECT_THAT(sent, HasSubstr(R"("gpu_type":"A100")"));
  EXPECT_EQ(galley({"teams", "set", "nlp", "--no-cells"}).code, 0);
  EXPECT_THAT(requests().back(), HasSubstr(R"("guarantees":[])"));
}

TEST_F(TeamsTest, SetMakesANewTeam) {
  answer("GET", "/api/v1/teams/{name}", {{"type", "not_found"}, {"detail", "no team"}}, 404);
  answer("PUT", "/api/v1/teams/{name}", nlp());
  const auto done = galley({"teams", "set", "nlp", "--cells", "4xA100:8", "--cells", "2x1"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(requests().back(),
              HasSubstr(R"({"guarantees":[{"count":4,"gpu_type":"A100","gpus":8},)"
                        R"({"count":2,"gpus":1}]})"));
}

TEST_F(TeamsTest, WrongCellsAndWeightsAreExplained) {
  answer("GET", "/api/v1/teams/{name}", nlp());
  const std::string expected =
      "'; expected COUNTxTYPE:GPUS, such as 4xA100:8, or COUNTxGPUS for any type\n";
  for (const std::string cells :
       {"4", "x8", "4xA100", "4xA100:", "0x8", "-1x8", "4x:8", "4xA:b", "99999999999999999999x1"}) {
    const auto done = galley({"teams", "set", "nlp", "--cells", cells});
    EXPECT_EQ(done.code, 2) << cells;
    EXPECT_EQ(done.err, "--cells: found '" + cells + expected);
  }
  EXPECT_EQ(galley({"teams", "set", "nlp", "--weight", "heavy"}).err,
            "--weight: found 'heavy'; expected a number, such as 2\n");
}

TEST_F(TeamsTest, RemoveAsksTheServer) {
  handle("DELETE", "/api/v1/teams/{name}", [](const auto&) { return http::Response{204, {}, {}}; });
  EXPECT_EQ(galley({"teams", "remove", "nlp"}).code, 0);
  EXPECT_EQ(requests().back(), "DELETE /api/v1/teams/nlp");
}

Json booking() {
  return {{"id", "rsv_00000000000000000000000001"},
          {"team", "nlp"},
          {"state", "upcoming"},
          {"resources", {{"gpus", 8}, {"nodes", 2}, {"gpu_type", "H100"}}},
          {"start_at", "2096-12-01T09:00:00.000Z"},
          {"duration", 21600.0},
          {"principal", "kim"}};
}

TEST_F(TeamsTest, AReservationIsMadeListedAndGivenUp) {
  answer("POST", "/api/v1/reservations", booking(), 201);
  answer("GET", "/api/v1/reservations", {{"items", {booking()}}});
  handle("DELETE", "/api/v1/reservations/{id}", [](const auto&) {
    return http::Response{204, {}, {}};
  });
  const auto made = galley({"reserve", "--team", "nlp", "--gpus", "8", "--nodes", "2", "--at",
                            "2096-12-01T09:00Z", "--for", "6h"});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_EQ(made.out, "rsv_00000000000000000000000001\n");
  EXPECT_EQ(made.err,
            "8 H100 on each of 2 nodes for team nlp, 2096-12-01; jobs with `reservation: "
            "rsv_00000000000000000000000001` run there\n");
  EXPECT_THAT(requests().back(), HasSubstr(R"("start_at":"2096-12-01T09:00:00.000Z")"));
  EXPECT_THAT(requests().back(), HasSubstr(R"("duration":"6h")"));
  EXPECT_EQ(
      galley({"reservation"}).out,
      "ID                              TEAM  STATE     WHAT                       FROM        "
      "      FOR  BY\n"
      "rsv_00000000000000000000000001  nlp   upcoming  8 H100 on each of 2 nodes  2096-12-01  "
      "6 h 0 min  kim\n");
  EXPECT_EQ(galley({"reservations", "cancel", "rsv_00000000000000000000000001"}).code, 0);
  EXPECT_EQ(requests().back(), "DELETE /api/v1/reservations/rsv_00000000000000000000000001");
}

TEST_F(TeamsTest, AReservationNeedsALength) {
  const auto done = galley({"reserve", "--gpus", "8"});
  EXPECT_EQ(done.code, 2);
  EXPECT_THAT(done.err, HasSubstr("--for TIME"));
  EXPECT_EQ(galley({"reserve", "--gpus", "8", "--for", "6h", "--at", "noon"}).code, 2);
}

}  // namespace
}  // namespace galley::cli::testing
