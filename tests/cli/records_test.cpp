#include "base/file.h"
#include "base/text.h"
#include "fixture.h"

namespace galley::cli::testing {
namespace {

using RecordsTest = ClientTest;

Json snapshot(const std::string& ref) {
  return {{"id", "snap_1"},
          {"kind", "dataset"},
          {"name", "reviews"},
          {"version", 1},
          {"ref", ref},
          {"size_bytes", 5},
          {"file_count", 1},
          {"created_at", "2026-11-21T06:00:00.000Z"},
          {"note", "first"},
          {"principal", "me"},
          {"sources", Json::array()}};
}

TEST_F(RecordsTest, PushSendsOnlyTheChunksThatTheServerLacks) {
  const std::string lacked = sha256_hex("hello");
  ASSERT_TRUE(make_folders(home / "data"));
  ASSERT_TRUE(write_file_atomic(home / "data/a.txt", "hello", Durability::memory));
  ASSERT_TRUE(write_file_atomic(home / "data/b.txt", "known", Durability::memory));
  answer("POST", "/api/v1/blobs/missing", {{"missing", {lacked}}});
  handle("PUT", "/api/v1/blobs/{name}", [](const auto&) { return http::Response{204, {}, {}}; });
  answer("POST", "/api/v1/datasets/{name}/versions", snapshot("reviews@1"), 201);
  const auto done =
      galley({"datasets", "push", "reviews", (home / "data").string(), "--note", "first"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, "reviews@1\n");
  const auto sent = requests();
  ASSERT_EQ(sent.size(), 3U);
  EXPECT_EQ(sent[1], "PUT /api/v1/blobs/" + lacked + " hello");
  EXPECT_THAT(sent[2], HasSubstr(R"("note":"first")"));
  EXPECT_THAT(sent[2], HasSubstr(R"("format":"galley-manifest")"));
}

TEST_F(RecordsTest, PushTakesOneFileUnderItsOwnName) {
  ASSERT_TRUE(write_file_atomic(home / "one.csv", "1,2\n", Durability::memory));
  answer("POST", "/api/v1/blobs/missing", {{"missing", Json::array()}});
  answer("POST", "/api/v1/datasets/{name}/versions", snapshot("reviews@1"), 201);
  EXPECT_EQ(galley({"datasets", "push", "reviews", (home / "one.csv").string()}).code, 0);
  EXPECT_THAT(requests().back(), HasSubstr(R"("path":"one.csv")"));
  EXPECT_EQ(galley({"datasets", "push", "reviews", (home / "absent").string()}).code, 3);
}

TEST_F(RecordsTest, ShowsVersionsFilesAndDifferences) {
  Json full = snapshot("reviews@1");
  full["files"] = {{{"path", "a.txt"}, {"size_bytes", 5}, {"sha256", "ab"}}};
  answer("GET", "/api/v1/datasets/{name}",
         {{"name", "reviews"}, {"versions", {snapshot("reviews@1")}}});
  answer("GET", "/api/v1/snapshots/{id}", full);
  answer("GET", "/api/v1/datasets/{name}/diff",
         {{"added", {{{"path", "n"}, {"size_bytes", 1}}}},
          {"removed", Json::array()},
          {"changed", {{{"path", "c"}, {"size_bytes", 2}, {"previous_size_bytes", 1}}}},
          {"unchanged_count", 7}});
  EXPECT_THAT(galley({"dataset", "show", "reviews"}).out, HasSubstr("reviews@1"));
  EXPECT_THAT(galley({"datasets", "show", "reviews@1"}).out, HasSubstr("a.txt"));
  EXPECT_EQ(galley({"datasets", "show", "reviews@2"}).code, 3);
  const auto diff = galley({"datasets", "diff", "reviews@1", "reviews@2"});
  EXPECT_EQ(diff.out, "+ n  1 B\n~ c  1 B -> 2 B\n");
  EXPECT_EQ(diff.err, "7 files are the same\n");
  EXPECT_EQ(galley({"datasets", "diff", "reviews@1", "other@2"}).code, 2);
}

TEST_F(RecordsTest, RunsShowDrawsACurve) {
  answer("GET", "/api/v1/runs/{id}",
         {{"id", kRunId},
          {"name", "try"},
          {"state", "finished"},
          {"created_at", "2026-11-21T06:00:00.000Z"},
          {"params", {{"lr", "0.1"}}},
          {"tags", Json::object()},
          {"series",
           {{{"key", "loss"},
             {"point_count", 3},
             {"last_step", 2},
             {"last_value", 0.25},
             {"min_value", 0.25},
             {"max_value", 1}}}},
          {"artifacts", {{{"path", "model"}, {"kind", "folder"}, {"size_bytes", 10}}}}});
  answer("GET", "/api/v1/runs/{id}/metrics",
         {{"series", {{{"key", "loss"}, {"steps", {0, 1, 2}}, {"values", {1, nullptr, 0.25}}}}}});
  const auto done = galley({"runs", "show", kRunId});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("lr  0.1"));
  EXPECT_THAT(done.out, HasSubstr("0.25 │"));
  EXPECT_THAT(done.out, HasSubstr("model"));
  const auto wrong = galley({"runs", "show", kRunId, "--metric", "lss"});
  EXPECT_EQ(wrong.code, 3);
  EXPECT_THAT(wrong.err, HasSubstr("did you mean loss?"));
}

TEST_F(RecordsTest, RunsOfAJob) {
  answer("GET", "/api/v1/jobs/{id}", job_record("succeeded"));
  answer("GET", "/api/v1/runs/{id}", {{"id", kRunId}, {"name", "try"}, {"state", "finished"}});
  EXPECT_THAT(galley({"runs", "show", kJobId}).out, HasSubstr(kRunId));
}

TEST_F(RecordsTest, SnapshotsFromARunTakeItsOnlyArtifact) {
  answer("GET", "/api/v1/runs/{id}", {{"id", kRunId}, {"artifacts", {{{"path", "out/model"}}}}});
  answer("POST", "/api/v1/models/{name}/snapshots", snapshot("nsmc@1"), 201);
  const auto done = galley({"snapshots", "create", "nsmc", "--from-run", kRunId});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, "nsmc@1\n");
  EXPECT_THAT(requests().back(), HasSubstr(R"("artifact":"out/model")"));
  EXPECT_THAT(requests().back(), HasSubstr(R"("run_id":")" + kRunId));
  EXPECT_EQ(galley({"snapshots", "create", "nsmc"}).code, 2);
  EXPECT_EQ(galley({"snapshots", "create", "nsmc", "x", "--from-run", kRunId}).code, 2);
}

}  // namespace
}  // namespace galley::cli::testing
