// Trials of other studies that a study begins with.
#include "known_trials.h"

#include <algorithm>
#include <cmath>

#include "fixture.h"
#include "studies/study_charts.h"

namespace galley::studies {
namespace {

using ::testing::ElementsAre;

class KnownTrialsTest : public StudiesFixture {
 protected:
  /// A study of `count` trials of which the second fails, by its name.
  std::vector<Json> carried_out(const std::string& name, int count) {
    Json file = study_file(count, "random");
    file["name"] = name;
    created(file);
    std::vector<Json> params;
    for (int i = 0; i < count; ++i) {
      const auto orders = studies_->ask(name, 1, {});
      EXPECT_TRUE(orders) << describe(orders.error());
      params.push_back(orders->front().params);
      const bool fails = i == 1;
      EXPECT_TRUE(studies_->tell(
          name, {.trial = i,
                 .kind = fails ? Told::Kind::failed : Told::Kind::complete,
                 .values = fails ? std::vector<double>() : std::vector<double>{0.1 * i}}));
    }
    return params;
  }
  StudyDetails begun_warm(const std::vector<std::string>& old) {
    Json file = study_file(4, "random");
    file["name"] = "warm";
    file["warm_start"] = old;
    return created(file);
  }
};

TEST_F(KnownTrialsTest, AreShownWithWhereTheyComeFrom) {
  const auto monday = carried_out("monday", 3);
  const auto tuesday = carried_out("tuesday", 5);
  const std::string monday_id = studies_->get("monday")->record.id.str();
  const auto warm = begun_warm({"monday", "tuesday", "monday"});
  EXPECT_EQ(warm.record.file.at("warm_start").at(0), monday_id) << "a name may change its owner";
  EXPECT_EQ(warm.record.file.at("warm_start").size(), 2U) << "once is enough";
  // Another study of that name changes nothing, and neither does a new life.
  carried_out("monday", 2);
  for (const bool again : {false, true}) {
    if (again) reopen();
    const auto known = studies_->known("warm");
    ASSERT_TRUE(known) << describe(known.error());
    ASSERT_EQ(known->size(), 8U);
    EXPECT_EQ(known->at(0).study_id, monday_id);
    EXPECT_EQ(known->at(0).study_name, "monday");
    EXPECT_TRUE(known->at(1).failed);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(known->at(i).params, monday[i]);
    for (std::size_t i = 0; i < 5; ++i) {
      EXPECT_EQ(known->at(3 + i).study_name, "tuesday");
      EXPECT_EQ(known->at(3 + i).number, static_cast<std::int64_t>(i));
      EXPECT_EQ(known->at(3 + i).params, tuesday[i]);
      EXPECT_EQ(known->at(3 + i).resource, 9) << "of the whole budget";
    }
    EXPECT_THAT(known->at(7).values, ElementsAre(0.4));
    EXPECT_TRUE(studies_->trials("warm", 0, 10)->empty()) << "they are none of its own";
  }
}

TEST_F(KnownTrialsTest, StandBesideItsOwnInTheTable) {
  carried_out("monday", 3);
  begun_warm({"monday"});
  ASSERT_TRUE(studies_->ask("warm", 2, {}));
  const auto table = studies_->table("warm");
  ASSERT_TRUE(table) << describe(table.error());
  EXPECT_EQ(table->states.size(), 2U);
  EXPECT_EQ(table->known.studies.at(0).second, "monday");
  EXPECT_THAT(table->known.numbers, ElementsAre(0, 1, 2));
  EXPECT_THAT(table->known.failed, ElementsAre(0, 1, 0));
  const auto known = studies_->known("warm");
  ASSERT_EQ(table->known.axes.size(), table->axes.size());
  const auto lr = std::ranges::find(table->axes, "lr", &TableAxis::name) - table->axes.begin();
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(table->known.axes.at(static_cast<std::size_t>(lr)).at(i),
              known->at(i).params.at("lr").get<double>());
  EXPECT_EQ(table->known.measures.at(0).at(2), 0.2);
  EXPECT_TRUE(std::isnan(table->known.measures.at(0).at(1)));
}

TEST_F(KnownTrialsTest, TellWhichParametersMatterBeforeItsOwnDo) {
  carried_out("monday", 20);
  begun_warm({"monday"});
  EXPECT_TRUE(studies_->known("monday")->empty());
  const auto importance = studies_->importance("warm");
  ASSERT_TRUE(importance) << describe(importance.error());
  EXPECT_EQ(importance->known, 19) << "what failed has no value";
  EXPECT_EQ(importance->trials, 19);
  EXPECT_EQ(studies_->importance("monday")->known, 0);
}

TEST(KnownPoints, OfLinesThatNameNoPointOfTheSpaceAreLeftOut) {
  hpo::Parameter x{.name = "x", .low = 0, .high = 1};
  const auto space = hpo::Space::make({x});
  ASSERT_TRUE(space);
  hpo::StudySpec spec;
  spec.max_resource = 8;
  const auto known =
      known_points("point 0.5\n" + hpo::encode_event(hpo::known_event({0.25}, 2, {0.5})) + "\n" +
                       hpo::encode_event(hpo::known_event({7}, 0, {0.5})) + "\n" +
                       hpo::encode_event(hpo::known_event({0.25, 0.5}, 0, {0.5})) + "\n",
                   *space, spec);
  ASSERT_TRUE(known) << describe(known.error());
  ASSERT_EQ(known->size(), 1U);
  EXPECT_EQ(known->front().resource, 2);
  EXPECT_EQ(known->front().source, 0U) << "of a study from before it was noted";
  EXPECT_FALSE(known_points("known nonsense\n", *space, spec));
}

}  // namespace
}  // namespace galley::studies
