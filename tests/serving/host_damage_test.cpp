// Disks and blobs that do not hold what they should.
#include <gmock/gmock.h>

#include <map>

#include "base/file.h"
#include "fixture.h"

namespace galley::serving {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// Every blob's file but the manifest's is truncated.
void damage_chunks(const World& world, const std::string& manifest) {
  for (const auto& entry : fs::recursive_directory_iterator(world.temp / "blobs"))
    if (entry.is_regular_file() &&
        entry.path().string().find(manifest.substr(4)) == std::string::npos)
      overwrite(entry.path(), "damaged");
}

TEST(ModelHostDamage, AFolderOfNoFamilyIsUnsupported) {
  World world;
  const auto from = world.temp / "strange";
  fs::create_directory(from);
  overwrite(from / "weights.bin", "x");
  const auto placement = world.freeze(from, "strange", 1);

  const auto prepared = world.host->prepare(placement);

  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().code, Errc::unsupported);
  EXPECT_THAT(describe(prepared.error()),
              AllOf(HasSubstr("strange@1"), HasSubstr("card.json"), HasSubstr("model.safetensors"),
                    HasSubstr("weights.bin")));
  EXPECT_FALSE(fs::exists(world.snapshot_folder(placement.snapshot_id)));
}

TEST(ModelHostDamage, ABrokenModelIsRefusedAndTheOldOneStays) {
  World world;
  ASSERT_TRUE(world.host->apply(world.snapshot("nsmc", 1)));
  const auto from = world.temp / "broken";
  write_model(from, "broken");
  overwrite(from / "model.safetensors", "not tensors");
  const auto placement = world.freeze(from, "nsmc", 2);

  const auto applied = world.host->apply(placement);

  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, Errc::corrupt);
  EXPECT_THAT(applied.error().message, AllOf(HasSubstr("nsmc@2"), HasSubstr("model.safetensors")));
  EXPECT_EQ(world.ask("nsmc"), "nsmc-1");
}

TEST(ModelHostDamage, ACorruptBlobNamesTheFile) {
  World world;
  const auto placement = world.snapshot("nsmc", 1);
  damage_chunks(world, placement.manifest_sha256);

  const auto prepared = world.host->prepare(placement);

  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().code, Errc::corrupt);
  EXPECT_THAT(prepared.error().message, AllOf(HasSubstr("nsmc@1"), HasSubstr("card.json")));
  EXPECT_FALSE(fs::exists(world.snapshot_folder(placement.snapshot_id)));
}

TEST(ModelHostDamage, AnAbsentManifestIsNotFound) {
  World world;
  auto placement = world.snapshot("nsmc", 1);
  placement.manifest_sha256 = std::string(64, 'a');
  const auto prepared = world.host->prepare(placement);
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().code, Errc::not_found);
}

TEST(ModelHostDamage, ADamagedFolderIsWrittenAgainFromBlobs) {
  World world;
  const auto placement = world.snapshot("nsmc", 1);
  ASSERT_TRUE(world.host->apply(placement));
  const auto folder = world.snapshot_folder(placement.snapshot_id);
  const auto weights = read_file(folder / "model.safetensors", 1 << 20);
  ASSERT_TRUE(weights);
  overwrite(folder / "model.safetensors", weights->substr(0, weights->size() - 1));
  world.restart();
  EXPECT_EQ(world.ask("nsmc"), "nsmc-1");
  EXPECT_EQ(*read_file(folder / "model.safetensors", 1 << 20), *weights);

  fs::permissions(folder, fs::perms::owner_all);
  fs::remove_all(folder);
  world.restart();
  EXPECT_EQ(world.ask("nsmc"), "nsmc-1");
}

TEST(ModelHostDamage, TheOthersServeWhenOneCannot) {
  World world;
  const auto good = world.snapshot("good", 1);
  const auto bad = world.snapshot("bad", 1);
  ASSERT_TRUE(world.host->apply(good));
  ASSERT_TRUE(world.host->apply(bad));
  overwrite(world.snapshot_folder(bad.snapshot_id) / "card.json", "{}");
  std::map<fs::path, std::string> sound;
  for (const auto& entry : fs::recursive_directory_iterator(world.temp / "blobs"))
    if (entry.is_regular_file()) sound[entry.path()] = *read_file(entry.path(), 1 << 20);
  damage_chunks(world, bad.manifest_sha256);
  world.restart();

  EXPECT_EQ(world.ask("good"), "good-1");
  const auto answer = world.host->predict("bad", {"x"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::unavailable);
  EXPECT_THAT(answer.error().message, HasSubstr("card.json"));
  ASSERT_EQ(world.host->broken().size(), 1U);
  EXPECT_EQ(world.host->broken()[0].placement.model, "bad");
  EXPECT_EQ(world.host->broken()[0].error.code, Errc::corrupt);
  EXPECT_EQ(world.host->loaded().size(), 1U);
  EXPECT_FALSE(world.host->apply(bad));

  // Moving another channel must not forget the broken one, and applying it again repairs it.
  ASSERT_TRUE(world.host->apply(on_channel(good, "canary")));
  for (const auto& [path, bytes] : sound) overwrite(path, bytes);
  EXPECT_TRUE(world.host->apply(bad));
  EXPECT_EQ(world.ask("bad"), "bad-1");
  EXPECT_TRUE(world.host->broken().empty());
}

TEST(ModelHostDamage, ABrokenPlacementsFileIsReportedAndLeftAlone) {
  World world;
  ASSERT_TRUE(world.host->apply(world.snapshot("nsmc", 1)));
  const auto file = world.folder() / "placements.json";
  const std::string good = *read_file(file, 1 << 20);
  world.host.reset();
  overwrite(file, good.substr(0, good.size() / 2));

  const auto opened = ModelHost::open(world.folder(), *world.blobs, world.clock);

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::corrupt);
  EXPECT_THAT(describe(opened.error()), AllOf(HasSubstr("placements.json"), HasSubstr("line"),
                                              HasSubstr("move the file away")));
  EXPECT_EQ(*read_file(file, 1 << 20), good.substr(0, good.size() / 2));
  EXPECT_TRUE(fs::exists(world.snapshot_folder("snap_nsmc1")));
  overwrite(file, good);
  world.restart();
  EXPECT_EQ(world.ask("nsmc"), "nsmc-1");
}

TEST(ModelHostDamage, AMoveThatCannotBeRememberedIsNotShown) {
  World world;
  ASSERT_TRUE(world.host->apply(world.snapshot("nsmc", 1)));
  const auto file = world.folder() / "placements.json";
  fs::remove(file);
  fs::create_directory(file);  // a rename onto a folder fails, also for root
  overwrite(file / "x", "x");

  EXPECT_FALSE(world.host->apply(world.snapshot("nsmc", 2)));

  EXPECT_EQ(world.ask("nsmc"), "nsmc-1");
}

}  // namespace
}  // namespace galley::serving
