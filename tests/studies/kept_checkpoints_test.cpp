// Which checkpoints of a study may go, and that they go.
#include "kept_checkpoints.h"

#include <fstream>
#include <functional>

#include "../hpo/study_world.h"
#include "blobs/freeze.h"
#include "checkpoint_keeper.h"
#include "fixture.h"
#include "free_checkpoints.h"
#include "hpo/simulated_study.h"
#include "protocol/checkpoint.h"

namespace galley::studies {
namespace {

using hpo::Action;
using hpo::Event;
using ::testing::UnorderedElementsAre;

/// Every checkpoint has a name of its own.
class NamingWorld final : public hpo::TrialWorld {
 public:
  explicit NamingWorld(double budget) : world_(budget, 0.05, 0.1) {}
  void start(hpo::TrialNumber trial, const hpo::Point& point, std::int64_t seed,
             const std::string& checkpoint) override {
    world_.start(trial, point, seed, checkpoint);
  }
  Step next(hpo::TrialNumber trial) override { return world_.next(trial); }
  std::string checkpoint(hpo::TrialNumber trial) override {
    return world_.checkpoint(trial) + "/" + std::to_string(trial) + "/" + std::to_string(++count_);
  }

 private:
  hpo::test::LineWorld world_;
  std::int64_t count_ = 0;
};

struct Played {
  std::int64_t written = 0, kept_most = 0, kept_last = 0, used = 0;
};

/// Frees at every event what is not needed then, and fails where a trial goes on from that.
Played play(hpo::StudySpec spec, double preempt_mean_s) {
  spec.measures = {{"accuracy", true}};
  spec.sampler = "random";
  spec.seed = 5;
  auto study = hpo::Study::open(spec, hpo::test::line_space(), hpo::test::draws);
  EXPECT_TRUE(study) << describe(study.error());
  NamingWorld world(spec.max_resource);
  hpo::SimulatedStudy simulated(*study, world,
                                {.checkpoint_s = 1, .preempt_mean_s = preempt_mean_s, .seed = 3});
  std::set<std::string> all, freed;
  Played played;
  simulated.on_apply([&](const Event& event, const std::vector<Action>& actions) {
    for (const Action& action : actions) {
      if (action.checkpoint.empty()) continue;
      ++played.used;
      EXPECT_FALSE(freed.contains(action.checkpoint)) << action.why;
    }
    if (event.kind == Event::Kind::checkpointed) all.insert(event.text);
    const auto needed = needed_checkpoints(*study);
    for (const std::string& name : all)
      if (!needed.contains(name)) freed.insert(name);
    played.kept_last = static_cast<std::int64_t>(all.size() - freed.size());
    played.kept_most = std::max(played.kept_most, played.kept_last);
  });
  for (int turn = 0; turn < 40 && !study->is_over(); ++turn) {
    simulated.tell({.kind = Event::Kind::capacity, .gpus = turn % 3 == 2 ? 2 : 6});
    simulated.run_until(simulated.now_s() + 300);
  }
  EXPECT_TRUE(study->is_over());
  played.written = static_cast<std::int64_t>(all.size());
  return played;
}

TEST(NeededCheckpoints, LetEveryTrialGoOnThatDoes) {
  hpo::StudySpec promoting;
  promoting.max_resource = 27;
  promoting.termination.max_sessions = 40;
  promoting.stopping.method = hpo::Stopping::asha;
  hpo::StudySpec stopping = promoting;
  stopping.stop_ratio = 0.3;
  hpo::StudySpec population;
  population.max_resource = 27;
  population.step = 3;
  population.population = 8;
  population.pbt.enabled = true;
  population.termination.max_sessions = 8;
  for (const auto& spec : {promoting, stopping, population}) {
    const Played played = play(spec, 400);
    EXPECT_GT(played.used, 10) << "trials went on";
    EXPECT_GT(played.written, 100);
    EXPECT_LT(played.kept_most, 45) << "one for each trial, and what is to be copied";
    EXPECT_LE(played.kept_last, 5) << "of a study that is over the best are left";
    EXPECT_GE(played.kept_last, 1);
  }
}

TEST(NeededCheckpoints, AreTheNewestOfThoseThatRunAndOfTheBest) {
  hpo::StudySpec spec;
  spec.measures = {{"accuracy", true}};
  spec.sampler = "random";
  spec.max_resource = 9;
  spec.termination.max_sessions = 6;
  auto study = hpo::Study::open(spec, hpo::test::line_space(), hpo::test::draws);
  ASSERT_TRUE(study);
  study->apply({.kind = Event::Kind::capacity, .gpus = 6});
  const auto tell = [&](Event::Kind kind, hpo::TrialNumber trial, double resource = 0,
                        std::vector<double> values = {}, std::string text = {}) {
    study->apply({.kind = kind,
                  .trial = trial,
                  .attempt = 1,
                  .resource = resource,
                  .objectives = std::move(values),
                  .text = std::move(text)});
  };
  for (hpo::TrialNumber trial = 0; trial < 6; ++trial) {
    tell(Event::Kind::started, trial);
    tell(Event::Kind::checkpointed, trial, 1, {}, "old" + std::to_string(trial));
    tell(Event::Kind::checkpointed, trial, 3, {}, "new" + std::to_string(trial));
    tell(Event::Kind::reported, trial, 3, {0.1 * static_cast<double>(trial)});
  }
  EXPECT_THAT(needed_checkpoints(*study),
              UnorderedElementsAre("new0", "new1", "new2", "new3", "new4", "new5"));
  tell(Event::Kind::failed, 5);
  for (hpo::TrialNumber trial = 1; trial < 5; ++trial) tell(Event::Kind::finished, trial);
  EXPECT_THAT(needed_checkpoints(*study), UnorderedElementsAre("new0", "new2", "new3", "new4"))
      << "one runs, three are best, one failed, one is behind";
}

TEST(KeepCheckpointsKey, IsOneOfTwoWords) {
  EXPECT_EQ(*read_keep_checkpoints(Json::object()), KeepCheckpoints::best);
  EXPECT_EQ(*read_keep_checkpoints({{"keep_checkpoints", "all"}}), KeepCheckpoints::all);
  EXPECT_EQ(read_keep_checkpoints({{"keep_checkpoints", 3}}).error().field, "keep_checkpoints");
}

class FreeCheckpointsTest : public StudiesFixture {
 protected:
  void SetUp() override {
    StudiesFixture::SetUp();
    auto blobs = blobs::BlobStore::open(files_ / "blobs");
    ASSERT_TRUE(blobs) << describe(blobs.error());
    blobs_ = *std::move(blobs);
    run_ = submitted(controller::spec()).run_id;
  }
  /// A checkpoint of two files as a run registers it: what all share, and its own.
  std::string registered(const std::string& path, const std::string& content) {
    const auto folder = files_ / path;
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "backbone") << "the same in all of them";
    std::ofstream(folder / "head") << content;
    const auto frozen = blobs::freeze(folder, *blobs_);
    EXPECT_TRUE(frozen) << describe(frozen.error());
    EXPECT_TRUE(tracking_->add_artifact(
        run_, {path, tracking::ArtifactKind::checkpoint, frozen->name, 1, {}, {}}));
    return protocol::print_checkpoint({run_, path, frozen->name});
  }
  bool is_whole(const std::string& name) const {
    const auto manifest =
        blobs::get_manifest(*blobs_, protocol::parse_checkpoint(name)->manifest_sha256);
    return manifest && blobs::check_complete(*blobs_, *manifest).has_value();
  }
  FreedCheckpoints freed(const std::set<std::string>& unneeded,
                         const std::set<std::string>& needed) {
    const auto freed = free_checkpoints(*database_, *blobs_, StudyId::trusted("study_one"),
                                        unneeded, needed, from_ms(9'000'000'000'000));
    EXPECT_TRUE(freed) << describe(freed.error());
    return freed ? *freed : FreedCheckpoints{};
  }
  std::size_t files() { return tracking_->artifacts(run_)->size(); }

  testing::TempFolder files_;
  std::unique_ptr<blobs::BlobStore> blobs_;
  RunId run_;
};

TEST_F(FreeCheckpointsTest, WhatOthersReachStays) {
  const auto dead = registered("epoch-1", "one"), best = registered("epoch-2", "two");
  const auto now = freed({dead}, {best});
  EXPECT_EQ(now.checkpoints, 1);
  EXPECT_EQ(now.left, 0);
  EXPECT_FALSE(is_whole(dead));
  EXPECT_TRUE(is_whole(best)) << "they share a file";
  EXPECT_EQ(files(), 1U) << "what is gone is not listed";
  EXPECT_EQ(freed({dead}, {best}).checkpoints, 0) << "once is enough";
  // The study's own newest is needed though the run's list has moved on.
  const auto moved = registered("epoch-2", "three");
  EXPECT_EQ(freed({moved}, {best}).checkpoints, 1);
  EXPECT_TRUE(is_whole(best));
}

TEST_F(FreeCheckpointsTest, AJobThatGoesOnFromOneKeepsIt) {
  const auto dead = registered("epoch-1", "one");
  auto job = controller::spec();
  job.checkpoint = dead;
  submitted(job);
  EXPECT_EQ(freed({dead}, {}).left, 1);
  EXPECT_TRUE(is_whole(dead));
}

TEST_F(FreeCheckpointsTest, AnotherStudyKeepsWhatItsTrialsWrote) {
  const auto dead = registered("epoch-1", "one");
  created(study_file());
  const Order order = asked();
  told({.trial = order.trial,
        .kind = Told::Kind::running,
        .resource = 3,
        .values = {0.4},
        .checkpoint = dead});
  EXPECT_EQ(freed({dead}, {}).left, 1);
  EXPECT_TRUE(is_whole(dead));
}

TEST_F(FreeCheckpointsTest, TheKeeperFreesWhatIsNotNeededOnceItWasOfNoUseForAnHour) {
  const auto first = registered("epoch-1", "one"), newest = registered("epoch-2", "two");
  created(study_file());
  const Order order = asked();
  double epoch = 0;
  for (const auto& checkpoint : {first, newest})
    told({.trial = order.trial,
          .kind = Told::Kind::running,
          .resource = ++epoch,
          .values = {0.4},
          .checkpoint = checkpoint});
  ASSERT_TRUE(database_->write([](store::Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(transaction.execute("update studies set has_job = 1"));
    return ok();
  }));
  Shelf shelf(*database_, clock_);
  const auto now = std::chrono::duration_cast<Millis>(system_clock().wall() - clock_.wall());
  clock_.advance(now + std::chrono::minutes(30));
  CheckpointKeeper keeper(shelf, *database_, *blobs_);

  keeper.look();
  EXPECT_TRUE(is_whole(first)) << "somebody may just have asked for it";

  clock_.advance(std::chrono::minutes(31));
  keeper.look();
  EXPECT_FALSE(is_whole(first));
  EXPECT_TRUE(is_whole(newest)) << "the trial goes on from it";
  keeper.stop();
}

TEST_F(FreeCheckpointsTest, NamesOfOtherProgramsAreTheirs) {
  const auto now = freed({"epoch-3", "s3://bucket/model.pt"}, {});
  EXPECT_EQ(now.checkpoints + now.left, 0);
}

}  // namespace
}  // namespace galley::studies
