#include <gmock/gmock.h>

#include "fixture.h"

namespace galley::serving {
namespace {

using ::testing::HasSubstr;

#define EXPECT_OK(expression)                              \
  do {                                                     \
    const auto expect_ok = (expression);                   \
    EXPECT_TRUE(expect_ok) << describe(expect_ok.error()); \
  } while (false)

TEST(ModelHost, ServesWhatAChannelShows) {
  World world;
  const auto placement = world.snapshot("nsmc", 1);
  EXPECT_OK(world.host->prepare(placement));
  EXPECT_EQ(world.host->loaded().size(), 0U);
  EXPECT_THAT(world.ask("nsmc"), HasSubstr("no model 'nsmc'"));

  EXPECT_OK(world.host->apply(placement));

  const auto answer = world.host->predict("nsmc", {"one", "둘"});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->model, "nsmc");
  EXPECT_EQ(answer->snapshot_id, "snap_nsmc1");
  EXPECT_EQ(answer->snapshot_ref, "nsmc@1");
  EXPECT_EQ(*answer->labels, (std::vector<std::string>{"nsmc-1", "other"}));
  ASSERT_EQ(answer->predictions.size(), 2U);
  EXPECT_EQ(answer->predictions[1].label, "nsmc-1");
  EXPECT_NEAR(answer->predictions[0].probabilities.at(0), std::exp(1) / (std::exp(1) + 1), 1e-5);
}

TEST(ModelHost, ResolvesModelChannelAndVersion) {
  World world;
  EXPECT_OK(world.host->apply(world.snapshot("nsmc", 1)));
  EXPECT_OK(world.host->apply(on_channel(world.snapshot("nsmc", 2), "canary")));
  EXPECT_EQ(world.ask("nsmc"), "nsmc-1");
  EXPECT_EQ(world.ask("nsmc:prod"), "nsmc-1");
  EXPECT_EQ(world.ask("nsmc:canary"), "nsmc-2");
  EXPECT_EQ(world.ask("nsmc@1"), "nsmc-1");
  EXPECT_EQ(world.ask("nsmc@2"), "nsmc-2");
  EXPECT_THAT(world.ask("nsmc@3"), HasSubstr("no model 'nsmc@3'"));
}

TEST(ModelHost, TwoChannelsShareOneSnapshot) {
  World world;
  const auto placement = world.snapshot("nsmc", 1);
  EXPECT_OK(world.host->apply(placement));
  EXPECT_OK(world.host->apply(on_channel(placement, "canary")));
  EXPECT_EQ(world.ask("nsmc:canary"), "nsmc-1");
  EXPECT_EQ(world.host->loaded().size(), 2U);
}

TEST(ModelHost, SuggestsTheNearestName) {
  World world;
  EXPECT_THAT(world.ask("nsmc"), HasSubstr("no model is deployed"));
  EXPECT_OK(world.host->apply(world.snapshot("sentiment", 1)));
  EXPECT_OK(world.host->apply(on_channel(world.snapshot("intents", 1), "canary")));

  const auto answer = world.host->predict("sentimant", {"x"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::not_found);
  EXPECT_EQ(answer.error().hint, "did you mean sentiment?");
  EXPECT_THAT(world.ask("intents:canari"), HasSubstr("did you mean intents:canary?"));
  EXPECT_THAT(world.ask("intents"), HasSubstr("intents"));
  EXPECT_THAT(world.ask("zzzzzzzz"), HasSubstr("loaded are intents:canary, intents@1, sentiment"));
  EXPECT_THAT(world.ask(std::string(100'000, 'z')), HasSubstr("loaded are"));
  EXPECT_THAT(world.ask("bad\xff"), HasSubstr("no model 'bad\xEF\xBF\xBD'"));
}

TEST(ModelHost, RefusesTextsThatItCannotRead) {
  World world;
  EXPECT_OK(world.host->apply(world.snapshot("nsmc", 1)));
  const auto refuse = [&](const std::vector<std::string_view>& texts, const std::string& field) {
    const auto answer = world.host->predict("nsmc", texts);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::invalid_argument);
    EXPECT_EQ(answer.error().field, field);
  };
  const std::string longest(ModelHost::kMaxTextBytes, 'a');
  const std::string longer = longest + "a";
  refuse({"\xed\xa0\x80"}, "text");
  refuse({"fine", "bad \xff"}, "texts[1]");
  refuse({"fine", longer}, "texts[1]");
  refuse({}, "texts");
  refuse(std::vector<std::string_view>(ModelHost::kMaxTexts + 1, "x"), "texts");
  EXPECT_OK(world.host->predict("nsmc", {longest}));
  EXPECT_OK(world.host->predict("nsmc", {""}));
  EXPECT_OK(world.host->predict("nsmc", std::vector<std::string_view>(ModelHost::kMaxTexts, "x")));
  EXPECT_EQ(world.host->stats().errors_total, 5);
}

TEST(ModelHost, IgnoresStaleGenerations) {
  World world;
  const auto first = world.snapshot("nsmc", 1);
  const auto second = world.snapshot("nsmc", 2);
  EXPECT_OK(world.host->apply(second));
  EXPECT_OK(world.host->apply(first));
  EXPECT_EQ(world.ask("nsmc"), "nsmc-2");
  EXPECT_OK(world.host->apply(at_generation(first, second.generation)));
  EXPECT_EQ(world.ask("nsmc"), "nsmc-2");
  EXPECT_FALSE(std::filesystem::exists(world.snapshot_folder(first.snapshot_id)));
  // Each channel counts its own generations.
  EXPECT_OK(world.host->apply(on_channel(first, "canary")));
  EXPECT_EQ(world.ask("nsmc:canary"), "nsmc-1");
}

TEST(ModelHost, RollsBackWithoutBlobs) {
  World world;
  const auto first = world.snapshot("nsmc", 1);
  EXPECT_OK(world.host->apply(first));
  EXPECT_OK(world.host->apply(world.snapshot("nsmc", 2)));
  world.restart();
  std::filesystem::remove_all(world.temp / "blobs");

  EXPECT_OK(world.host->apply(at_generation(first, 3)));

  EXPECT_EQ(world.ask("nsmc"), "nsmc-1");
}

TEST(ModelHost, KeepsTheFoldersOfTheShownAndThePreviousSnapshot) {
  World world;
  for (int version = 1; version <= 3; ++version)
    EXPECT_OK(world.host->apply(world.snapshot("nsmc", version)));
  EXPECT_FALSE(std::filesystem::exists(world.snapshot_folder("snap_nsmc1")));
  EXPECT_TRUE(std::filesystem::exists(world.snapshot_folder("snap_nsmc2")));
  EXPECT_TRUE(std::filesystem::exists(world.snapshot_folder("snap_nsmc3")));
  // A prepared one is kept while another channel moves.
  EXPECT_OK(world.host->prepare(world.snapshot("nsmc", 4)));
  EXPECT_OK(world.host->apply(world.snapshot("other", 1)));
  EXPECT_TRUE(std::filesystem::exists(world.snapshot_folder("snap_nsmc4")));
  std::filesystem::create_directory(world.folder() / "models" / ".making-0123");
  world.restart();
  EXPECT_FALSE(std::filesystem::exists(world.folder() / "models" / ".making-0123"));
  EXPECT_TRUE(std::filesystem::exists(world.snapshot_folder("snap_nsmc2")));
}

TEST(ModelHost, ServesAfterARestartWithoutBeingTold) {
  World world;
  EXPECT_OK(world.host->apply(world.snapshot("nsmc", 1)));
  EXPECT_OK(world.host->apply(world.snapshot("nsmc", 2)));
  EXPECT_OK(world.host->apply(on_channel(world.snapshot("nsmc", 3), "canary")));
  std::filesystem::remove_all(world.temp / "blobs");
  world.restart();
  EXPECT_EQ(world.ask("nsmc"), "nsmc-2");
  EXPECT_EQ(world.ask("nsmc:canary"), "nsmc-3");
  EXPECT_TRUE(world.host->broken().empty());
}

TEST(ModelHost, TellsWhatItHolds) {
  World world;
  EXPECT_OK(world.host->apply(world.snapshot("nsmc", 1)));
  EXPECT_EQ(world.ask("nsmc"), "nsmc-1");
  EXPECT_OK(world.host->apply(world.snapshot("nsmc", 2)));
  EXPECT_OK(world.host->predict("nsmc", {"a", "b"}));

  const auto found = world.host->find("nsmc:prod");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->placement.snapshot_ref, "nsmc@2");
  EXPECT_EQ(found->placement.generation, 2);
  EXPECT_EQ(found->family, "text-classifier");
  EXPECT_GT(found->memory_bytes, 0);
  EXPECT_EQ(found->labels.at(0), "nsmc-2");
  EXPECT_EQ(found->predictions_total, 3) << "the channel's counter survives a swap";
  EXPECT_EQ(world.host->loaded().size(), 1U);
  EXPECT_FALSE(world.host->find("nothing"));
  world.clock.advance(Millis{2000});
  const auto stats = world.host->stats();
  EXPECT_EQ(stats.predictions_total, 3);
  EXPECT_EQ(stats.errors_total, 0);
  EXPECT_DOUBLE_EQ(stats.predictions_per_s, 1.5);
}

TEST(ModelHost, RefusesPlacementsThatAreMalformed) {
  World world;
  const auto good = world.snapshot("nsmc", 1);
  const auto refuse = [&](Placement bad, const std::string& field) {
    for (const auto& status : {world.host->prepare(bad), world.host->apply(bad)}) {
      ASSERT_FALSE(status);
      EXPECT_EQ(status.error().code, Errc::invalid_argument);
      EXPECT_EQ(status.error().field, field);
    }
  };
  auto bad = good;
  bad.snapshot_id = "../../etc";
  refuse(bad, "snapshot_id");
  bad = good;
  bad.model = "a:b";
  refuse(bad, "model");
  bad = good;
  bad.channel = "";
  refuse(bad, "channel");
  for (const auto* ref : {"other@1", "nsmc", "nsmc@", "nsmc@x", "nsmc@01", "nsmc@-1"}) {
    bad = good;
    bad.snapshot_ref = ref;
    refuse(bad, "snapshot_ref");
  }
  bad = good;
  bad.manifest_sha256 = "abc";
  refuse(bad, "manifest_sha256");
  bad = good;
  bad.generation = -1;
  refuse(bad, "generation");
}

TEST(ModelHost, RefusesOneIdForTwoContents) {
  World world;
  const auto first = world.snapshot("nsmc", 1);
  auto second = world.snapshot("nsmc", 2);
  EXPECT_OK(world.host->apply(first));
  second.snapshot_id = first.snapshot_id;
  const auto applied = world.host->apply(second);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, Errc::conflict);
}

}  // namespace
}  // namespace galley::serving
