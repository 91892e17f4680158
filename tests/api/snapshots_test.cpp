#include "fixture.h"

namespace galley::api {
namespace {

using Snapshots = ApiFixture;

TEST_F(Snapshots, BytesComeBackUnderTheirName) {
  const std::string name = sha256_hex("hello");
  const std::string other = sha256_hex("other");
  const auto missing = [&] {
    return post("/api/v1/blobs/missing", {{"hashes", {name, other}}}, 200)["missing"];
  };
  EXPECT_EQ(missing(), (Json{name, other}));
  EXPECT_EQ(call("PUT", "/api/v1/blobs/" + name, "hello").status, 204);
  EXPECT_EQ(missing(), (Json{other}));
  EXPECT_EQ(call("GET", "/api/v1/blobs/" + name).body, "hello");

  EXPECT_EQ(call("PUT", "/api/v1/blobs/" + other, "hello").status, 400);
  EXPECT_EQ(call("PUT", "/api/v1/blobs/..%2F..%2Fetc%2Fpasswd", "x").status, 400);
  EXPECT_EQ(call("PUT", "/api/v1/blobs/" + other, std::string((4U << 20U) + 1, 'x')).status, 413);
  EXPECT_EQ(call("GET", "/api/v1/blobs/" + other).status, 404);
  EXPECT_EQ(call("GET", "/api/v1/blobs/zz").status, 400);
}

TEST_F(Snapshots, DataSetsHaveVersionsAndDifferences) {
  const std::string path = "/api/v1/datasets/reviews";
  const auto first = post(path + "/versions", {{"manifest", manifest("a.tsv", "one")}}, 201);
  EXPECT_EQ(first["ref"], "reviews@1");
  EXPECT_EQ(first["size_bytes"], 3);
  post(path + "/versions", {{"manifest", manifest("a.tsv", "one")}}, 200);
  const auto second = post(
      path + "/versions",
      {{"manifest", manifest("a.tsv", "two!")}, {"note", "more"}, {"sources", {"reviews@1"}}}, 201);
  EXPECT_EQ(second["sources"], (Json{first["id"]}));

  const auto list = get("/api/v1/datasets")["items"];
  EXPECT_EQ(list[0]["versions"], 2);
  EXPECT_EQ(list[0]["latest"]["note"], "more");
  EXPECT_EQ(get(path)["versions"].size(), 2U);
  EXPECT_EQ(get(path + "/diff?from=1&to=2")["changed"],
            (Json{{{"path", "a.tsv"}, {"size_bytes", 4}, {"previous_size_bytes", 3}}}));
  const auto shown = get("/api/v1/snapshots/reviews@2");
  EXPECT_EQ(shown["files"][0]["path"], "a.tsv");
  EXPECT_EQ(get("/api/v1/snapshots/" + second["id"].get<std::string>())["version"], 2);

  EXPECT_EQ(call("GET", path + "/diff?from=1").status, 400);
  EXPECT_EQ(call("GET", path + "/diff?from=1&to=9").status, 404);
  EXPECT_EQ(call("GET", "/api/v1/datasets/none").status, 404);
  EXPECT_EQ(call("GET", "/api/v1/snapshots/none@1").status, 404);
}

TEST_F(Snapshots, WhatIsNotAllThereIsRefused) {
  Json broken = manifest("a.tsv", "one");
  const auto refused = [&](const Json& body, int status) {
    return post("/api/v1/datasets/d/versions", body, status)["detail"].get<std::string>();
  };
  EXPECT_THAT(refused(Json::object(), 400), HasSubstr("found nothing to freeze"));
  EXPECT_THAT(refused({{"manifest", broken}, {"artifact", "x"}}, 400), HasSubstr("found both"));
  EXPECT_THAT(refused({{"artifact", "x"}}, 400), HasSubstr("without its run"));
  Json incomplete = broken;
  incomplete["files"][0]["sha256"] = incomplete["files"][0]["chunks"][0] = std::string(64, 'a');
  refused({{"manifest", incomplete}}, 409);
  broken["files"][0]["path"] = "../up";
  refused({{"manifest", broken}}, 400);
  EXPECT_EQ(call("POST", "/api/v1/datasets/Bad%20Name/versions", "{}").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/datasets").status, 200);
  EXPECT_TRUE(get("/api/v1/datasets")["items"].empty());
}

TEST_F(Snapshots, AnArtifactOfARunBecomesAModel) {
  const auto run = taken(tracking_->create_run("r", "e")).id;
  const auto from = folder_ / "made";
  serving::write_model(from, "yes");
  const auto frozen = taken(blobs::freeze(from, *blobs_));
  ASSERT_TRUE(tracking_->add_artifact(run, {.path = "out/model",
                                            .kind = tracking::ArtifactKind::folder,
                                            .manifest_sha256 = frozen.name,
                                            .size_bytes = 1}));
  const auto made =
      post("/api/v1/models/m/snapshots", {{"run_id", run.str()}, {"artifact", "out/model"}}, 201);
  EXPECT_EQ(made["run_id"], run.str());
  EXPECT_EQ(made["manifest"], frozen.name);
  EXPECT_EQ(get("/api/v1/runs/" + run.str())["artifacts"][0]["path"], "out/model");
  const auto missing =
      post("/api/v1/models/m/snapshots", {{"run_id", run.str()}, {"artifact", "nope"}}, 404);
  EXPECT_EQ(missing["field"], "artifact");
}

}  // namespace
}  // namespace galley::api
