#include <algorithm>
#include <thread>

#include "base/text.h"
#include "blobs/collect.h"
#include "fixture.h"

namespace galley::registry {
namespace {

class Snapshots : public RegistryFixture {};

TEST_F(Snapshots, VersionsCountFromOneForEachKindAndName) {
  EXPECT_EQ(frozen("reviews", "a").version, 1);
  EXPECT_EQ(frozen("reviews", "b").version, 2);
  EXPECT_EQ(frozen("other", "a").version, 1);
  EXPECT_EQ(frozen("reviews", "a", Kind::dataset).version, 1);
}

TEST_F(Snapshots, KeepsAllThatWasSaid) {
  const auto data = frozen("nsmc", "data", Kind::dataset);
  const auto manifest = content("weights");
  clock_.advance(Millis(1500));
  const auto answer = registry_->freeze_snapshot({.kind = Kind::model,
                                                  .name = "reviews",
                                                  .manifest_sha256 = manifest,
                                                  .sources = {data.id, data.id},
                                                  .run_id = "run_1",
                                                  .note = "첫 모델",
                                                  .principal = "ada"});
  ASSERT_TRUE(answer) << describe(answer.error());
  EXPECT_TRUE(answer->created);

  const auto back = registry_->get(Kind::model, "reviews");
  ASSERT_TRUE(back) << describe(back.error());
  EXPECT_EQ(back->id, answer->snapshot.id);
  EXPECT_EQ(back->manifest_sha256, manifest);
  EXPECT_EQ(back->size_bytes, 7);
  EXPECT_EQ(back->file_count, 1);
  EXPECT_EQ(back->sources, std::vector{data.id});
  EXPECT_EQ(back->run_id, "run_1");
  EXPECT_EQ(back->note, "첫 모델");
  EXPECT_EQ(back->principal, "ada");
  EXPECT_EQ(back->created, clock_.wall());
  EXPECT_EQ(reference(*back), "reviews@1");
}

TEST_F(Snapshots, TheSameContentAsTheNewestIsThatVersion) {
  const auto first = frozen("reviews", "a");
  const auto again = registry_->freeze_snapshot(
      {.kind = Kind::model, .name = "reviews", .manifest_sha256 = first.manifest_sha256});
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->created);
  EXPECT_EQ(again->snapshot.id, first.id);
  EXPECT_EQ(events().size(), 1U) << "nothing happened, so nothing is told";

  frozen("reviews", "b");
  EXPECT_EQ(frozen("reviews", "a").version, 3) << "going back to older content is a new version";
}

TEST_F(Snapshots, AreFoundByNameVersionAndId) {
  const auto first = frozen("reviews", "a");
  const auto second = frozen("reviews", "b");
  EXPECT_EQ(registry_->get(Kind::model, "reviews")->id, second.id);
  EXPECT_EQ(registry_->get(Kind::model, "reviews@1")->id, first.id);
  EXPECT_EQ(registry_->get(Kind::model, first.id.str())->id, first.id);

  for (const std::string& absent : {std::string("reviews@3"), std::string("nothing"),
                                    SnapshotId(ids_.next<SnapshotTag>()).str()})
    EXPECT_EQ(registry_->get(Kind::model, absent).error().code, Errc::not_found) << absent;
  EXPECT_EQ(registry_->get(Kind::dataset, first.id.str()).error().code, Errc::not_found);
  for (const std::string bad : {"reviews@", "reviews@0", "reviews@-1", "reviews@1x", "@1", "",
                                "Reviews", "a b", "reviews@99999999999999999999"})
    EXPECT_EQ(registry_->get(Kind::model, bad).error().code, Errc::invalid_argument) << bad;
}

TEST_F(Snapshots, ListsNamesAndVersionsInPages) {
  for (const std::string name : {"a", "b", "c"})
    for (const std::string text : {"1", "2", "3"}) frozen(name, name + text);

  const auto names = registry_->names(Kind::model, 2);
  ASSERT_EQ(names->size(), 2U);
  EXPECT_EQ(reference((*names)[1]), "b@3");
  const auto rest = registry_->names(Kind::model, 2, "b");
  ASSERT_EQ(rest->size(), 1U);
  EXPECT_EQ(reference((*rest)[0]), "c@3");

  const auto newest = registry_->versions(Kind::model, "a", 2);
  ASSERT_EQ(newest->size(), 2U);
  EXPECT_EQ((*newest)[0].version, 3);
  const auto older = registry_->versions(Kind::model, "a", 2, 2);
  ASSERT_EQ(older->size(), 1U);
  EXPECT_EQ((*older)[0].version, 1);
  EXPECT_TRUE(registry_->names(Kind::dataset, 10)->empty());
}

TEST_F(Snapshots, RefuseWhatIsNotCompletelyStored) {
  const auto absent = registry_->freeze_snapshot(
      {.kind = Kind::model, .name = "reviews", .manifest_sha256 = sha256_hex("absent")});
  EXPECT_EQ(absent.error().code, Errc::not_found);

  const auto manifest = content("weights");
  ASSERT_TRUE(blobs_->remove(sha256_hex("weights")));
  const auto incomplete = registry_->freeze_snapshot(
      {.kind = Kind::model, .name = "reviews", .manifest_sha256 = manifest});
  ASSERT_FALSE(incomplete);
  EXPECT_EQ(incomplete.error().code, Errc::conflict);
  EXPECT_EQ(registry_->get(Kind::model, "reviews").error().code, Errc::not_found);
}

TEST_F(Snapshots, RefuseBadNamesNotesAndSources) {
  const auto manifest = content("weights");
  const auto attempt = [&](const FreezeRequest& request) {
    const auto answer = registry_->freeze_snapshot(request);
    EXPECT_FALSE(answer);
    return answer ? Errc::internal : answer.error().code;
  };
  for (const std::string& name : {std::string(), std::string("-a"), std::string("A"),
                                  std::string("a/b"), std::string("a@1"), std::string(64, 'a')})
    EXPECT_EQ(attempt({.name = name, .manifest_sha256 = manifest}), Errc::invalid_argument) << name;
  EXPECT_EQ(attempt({.name = "a", .manifest_sha256 = manifest, .note = std::string(5000, 'n')}),
            Errc::too_large);
  EXPECT_EQ(
      attempt({.name = "a", .manifest_sha256 = manifest, .sources = {ids_.next<SnapshotTag>()}}),
      Errc::not_found);
  EXPECT_EQ(attempt({.name = "a", .manifest_sha256 = "nonsense"}), Errc::invalid_argument);
  EXPECT_TRUE(events().empty());
}

TEST_F(Snapshots, EachFreezeIsToldAndAudited) {
  const auto snapshot = frozen("reviews", "a");
  const auto told = events();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, "snapshot");
  EXPECT_EQ(told[0].subject, snapshot.id.str());
  EXPECT_NE(told[0].data.find(R"("version":1)"), std::string::npos) << told[0].data;
  EXPECT_EQ(audited(), std::vector<std::string>{"snapshot.freeze reviews@1"});
}

TEST_F(Snapshots, ThreadsThatFreezeAtOnceGetDifferentVersions) {
  std::vector<std::string> manifests;
  for (int i = 0; i < 8; ++i) manifests.push_back(content(std::to_string(i)));
  std::vector<std::thread> threads;
  for (const std::string& manifest : manifests)
    threads.emplace_back([this, manifest] {
      EXPECT_TRUE(registry_->freeze_snapshot(
          {.kind = Kind::model, .name = "reviews", .manifest_sha256 = manifest}));
    });
  for (auto& thread : threads) thread.join();
  const auto versions = registry_->versions(Kind::model, "reviews", 100);
  ASSERT_EQ(versions->size(), 8U);
  EXPECT_EQ(versions->front().version, 8);
}

TEST_F(Snapshots, ADeletedOneIsHiddenAndItsNumberStaysTaken) {
  frozen("reviews", "a");
  const auto second = frozen("reviews", "b");
  ASSERT_TRUE(registry_->delete_snapshot(second.id, "ada", "r"));
  EXPECT_EQ(registry_->get(Kind::model, "reviews")->version, 1);
  EXPECT_EQ(registry_->get(Kind::model, "reviews@2").error().code, Errc::not_found);
  EXPECT_EQ(registry_->delete_snapshot(second.id, "ada", "r").error().code, Errc::not_found);
  EXPECT_EQ(frozen("reviews", "c").version, 3);
  EXPECT_EQ(audited()[2], "snapshot.delete reviews@2");
}

TEST_F(Snapshots, CollectionKeepsWhatIsKeptAndWhatThatWasMadeFrom) {
  const auto raw = frozen("raw", "raw data", Kind::dataset);
  const auto clean = frozen("clean", "clean data", Kind::dataset, {raw.id});
  const auto model = frozen("reviews", "weights", Kind::model, {clean.id});
  const auto unused = frozen("unused", "unused data", Kind::dataset);
  for (const auto& snapshot : {raw, clean, unused})
    ASSERT_TRUE(registry_->delete_snapshot(snapshot.id, "ada", "r"));

  auto roots = registry_->reachable_manifests();
  ASSERT_TRUE(roots) << describe(roots.error());
  std::ranges::sort(*roots);
  std::vector wanted{raw.manifest_sha256, clean.manifest_sha256, model.manifest_sha256};
  std::ranges::sort(wanted);
  EXPECT_EQ(*roots, wanted);

  ASSERT_TRUE(blobs::collect(*blobs_, *roots, system_clock().wall() + std::chrono::hours(1)));
  EXPECT_TRUE(blobs_->has(sha256_hex("raw data")));
  EXPECT_FALSE(blobs_->has(sha256_hex("unused data")));
}

}  // namespace
}  // namespace galley::registry
