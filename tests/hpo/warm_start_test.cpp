#include "hpo/warm_start.h"

#include <gtest/gtest.h>

#include <cmath>

#include "hpo/simulated_study.h"
#include "study_world.h"

namespace galley::hpo {
namespace {

Space space_of(std::vector<Parameter> parameters, std::vector<Condition> conditions = {}) {
  auto space = Space::make(std::move(parameters), std::move(conditions));
  EXPECT_TRUE(space);
  return *std::move(space);
}

TEST(Translate, GoesByNamesAndValuesWhateverTheOrder) {
  const Parameter lr{.name = "lr", .low = 0.001, .high = 1, .log = true};
  const Parameter opt{.name = "opt",
                      .kind = ParameterKind::categorical,
                      .choices = {std::string("sgd"), std::string("adam")}};
  const Parameter opt_turned{
      .name = "opt",
      .kind = ParameterKind::categorical,
      .choices = {std::string("adam"), std::string("lion"), std::string("sgd")}};
  const Parameter momentum{.name = "momentum", .low = 0, .high = 1};
  const Space from = space_of({lr, opt, momentum});
  const Space to = space_of({momentum, opt_turned, lr}, {{0, {.parameter = 1, .values = {2}}}});
  const auto sgd = translate(from, {0.1, 0, 0.9}, to);
  ASSERT_TRUE(sgd);
  EXPECT_EQ(*sgd, (Point{0.9, 2, 0.1}));
  const auto adam = translate(from, {0.1, 1, 0.9}, to);
  ASSERT_TRUE(adam);
  EXPECT_TRUE(std::isnan((*adam)[0]));                        // there momentum is for sgd alone
  EXPECT_FALSE(translate(to, {std::nan(""), 1, 0.1}, from));  // lion is unknown here
  EXPECT_FALSE(translate(to, {std::nan(""), 0, 0.1}, from));  // and momentum is missing
  const Space narrow = space_of({{.name = "lr", .low = 0.2, .high = 1, .hard_low = 0.01}});
  EXPECT_FALSE(translate(from, {0.1, 0, 0.9}, narrow));  // its search begins at 0.2
  EXPECT_TRUE(translate(from, {0.3, 0, 0.9}, narrow));
}

StudySpec warm_spec(const char* measure = "accuracy") {
  StudySpec spec;
  spec.measures = {{measure, true}};
  spec.sampler = "rungs";
  spec.max_resource = 27;
  spec.termination.max_sessions = 30;
  spec.stopping.method = Stopping::asha;
  return spec;
}

double played(Study& study) {
  test::LineWorld world(27, 0, /*failing=*/0.1);
  SimulatedStudy simulated(study, world, {});
  simulated.tell({.kind = Event::Kind::capacity, .gpus = 2});
  simulated.run_until(1e9);
  EXPECT_TRUE(study.is_over());
  double sum = 0;
  for (std::size_t i = 0; i < 10; ++i) sum += std::abs(study.trials()[i].point[0] - 0.7);
  return sum / 10;
}

TEST(WarmStart, OldTrialsGuideANewStudyFromItsFirstProposal) {
  auto old = Study::open(warm_spec(), test::line_space(), test::draws);
  ASSERT_TRUE(old);
  const double blind = played(*old);
  const auto known = old_trials(*old, warm_spec(), test::line_space());
  ASSERT_TRUE(known) << known.error().message;
  EXPECT_EQ(known->events.size() + known->left_out, old->trials().size());
  EXPECT_GT(known->events.size(), 20u);
  for (const auto& event : known->events) {
    const auto& source = old->trials().at(static_cast<std::size_t>(event.trial));
    EXPECT_EQ(event.objectives.empty() ? source.objectives : event.objectives, source.objectives);
  }

  auto fresh = Study::open(warm_spec(), test::line_space(), test::draws);
  ASSERT_TRUE(fresh);
  for (const auto& event : known->events) EXPECT_TRUE(fresh->apply(event).empty());
  EXPECT_TRUE(fresh->trials().empty());
  EXPECT_FALSE(fresh->best());
  const double guided = played(*fresh);
  EXPECT_LT(guided, 0.6 * blind);

  // And is replayed with the rest.
  const auto again =
      Study::replay(fresh->take_journal(), warm_spec(), test::line_space(), test::draws);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->trials().size(), fresh->trials().size());
  EXPECT_EQ(again->best(), fresh->best());
}

TEST(WarmStart, RefusesWhatWasNotMeasuredAndIgnoresWhatIsNoPoint) {
  auto old = Study::open(warm_spec(), test::line_space(), test::draws);
  ASSERT_TRUE(old);
  EXPECT_EQ(old_trials(*old, warm_spec("loss"), test::line_space()).error().field, "measure");
  old->take_journal();
  old->apply(known_event({0.5}, 0, {0.5}));
  old->apply(known_event({7, 20}, 0, {0.5}));
  old->apply(known_event({0.5, 20}, 0, {0.5, 0.5}));
  old->apply(known_event({0.5, 20}, -1, {0.5}));
  EXPECT_EQ(old->take_journal(), "");
  old->apply(known_event({0.5, 20}, 0, {}));
  EXPECT_NE(old->take_journal(), "");
}

}  // namespace
}  // namespace galley::hpo
