#include "store/filter.h"

#include <gmock/gmock.h>

#include <array>

#include "base/clock.h"
#include "support/database.h"
#include "support/temp_folder.h"

namespace galley::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::array kFields{FilterField{"name", "name", FilterType::text},
                             FilterField{"state", "state", FilterType::text},
                             FilterField{"attempts", "attempts", FilterType::integer},
                             FilterField{"exit_code", "exit_code", FilterType::integer},
                             FilterField{"loss", "loss", FilterType::real},
                             FilterField{"created_at", "created_ms", FilterType::time}};

/// Four rows of which a filter picks some; answers the names that it picked.
class Filtering : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = testing::open_database(folder_.path());
    ASSERT_TRUE(opened) << describe(opened.error());
    database_ = *std::move(opened);
  }

  std::vector<std::string> pick(std::string_view text) {
    const auto filter = parse_filter(text, kFields);
    EXPECT_TRUE(filter) << text << ": " << describe(filter.error());
    std::vector<std::string> names;
    if (!filter) return names;
    const auto status = database_->read([&](Transaction& transaction) -> Status {
      GALLEY_TRY(
          const auto rows,
          transaction.query(
              "with t (name, state, attempts, exit_code, loss, created_ms) as (values"
              " ('a', 'running', 1, null, 0.5, 1000), ('b', 'failed', 2, 1, 1.5, 2000),"
              " ('c', 'succeeded', 1, 0, -1.0, 3000), ('it''s \"d\"', 'queued', 0, null,"
              " 0.0, 4000)) select name from t where " +
                  (filter->sql.empty() ? std::string("true") : filter->sql) + " order by name",
              filter->parameters));
      for (const Row& row : rows) names.push_back(row.text(0));
      return ok();
    });
    EXPECT_TRUE(status) << filter->sql << ": " << describe(status.error());
    return names;
  }

  testing::TempFolder folder_;
  std::unique_ptr<Database> database_;
};

TEST_F(Filtering, ComparesTextsNumbersAndTimes) {
  EXPECT_THAT(pick(R"(state = "running")"), ElementsAre("a"));
  EXPECT_THAT(pick(R"(state != 'running' and attempts >= 1)"), ElementsAre("b", "c"));
  EXPECT_THAT(pick("loss < 0.5"), ElementsAre("c", "it's \"d\""));
  EXPECT_THAT(pick("loss<=-1e0"), ElementsAre("c"));
  EXPECT_THAT(pick(R"(created_at > "1970-01-01T00:00:02Z")"), ElementsAre("c", "it's \"d\""));
  EXPECT_THAT(pick(R"(created_at<="1970-01-01T09:00:01+09:00")"), ElementsAre("a"));
}

TEST_F(Filtering, AndBindsTighterThanOr) {
  EXPECT_THAT(pick(R"(name = "a" or name = "b" and attempts = 1)"), ElementsAre("a"));
  EXPECT_THAT(pick(R"((name = "a" or name = "b") and attempts = 2)"), ElementsAre("b"));
  EXPECT_THAT(pick(R"(NOT (name = "a" OR name = "b") AND attempts = 1)"), ElementsAre("c"));
  EXPECT_THAT(pick(R"(not not name = "a")"), ElementsAre("a"));
}

TEST_F(Filtering, InTakesAList) {
  EXPECT_THAT(pick(R"(name in ("a", 'c'))"), ElementsAre("a", "c"));
  EXPECT_THAT(pick("attempts not in (1, 2)"), ElementsAre("it's \"d\""));
}

TEST_F(Filtering, AbsentValuesNeverCompare) {
  EXPECT_THAT(pick("exit_code = 0"), ElementsAre("c"));
  EXPECT_THAT(pick("exit_code != 0"), ElementsAre("b"));
}

TEST_F(Filtering, QuotesInTextsStayTexts) {
  EXPECT_THAT(pick(R"(name = 'it\'s "d"')"), ElementsAre("it's \"d\""));
  EXPECT_THAT(pick(R"(name = "x' or 1=1 --")"), ElementsAre());
}

TEST_F(Filtering, AnEmptyFilterIsNoCondition) {
  EXPECT_EQ(pick("  ").size(), 4U);
  EXPECT_EQ(parse_filter("", kFields)->sql, "");
}

TEST(ParseFilter, TheSqlHoldsNothingOfTheText) {
  const auto filter = parse_filter(R"(name = "; drop table jobs" or attempts = 12345)", kFields);
  ASSERT_TRUE(filter);
  EXPECT_EQ(filter->sql, "((name=:1) or (attempts=:2))");
  EXPECT_EQ(std::get<std::string>(filter->parameters[0]), "; drop table jobs");
}

TEST_F(Filtering, KeysOfFamiliesBecomeParameters) {
  const std::array families{FilterFamily{"is.", "({} || '')", "length({})"}};
  const auto filter = parse_filter(R"(is.abc = "abc" and is."a'/b" > 3 or not is.`x y` = 'x y')",
                                   kFields, families);
  ASSERT_TRUE(filter) << describe(filter.error());
  EXPECT_EQ(filter->sql, "(((:1 || '')=:2) and (length(:3)>:4) or not ((:5 || '')=:6))");
  EXPECT_EQ(std::get<std::string>(filter->parameters[2]), "a'/b");
  EXPECT_FALSE(filter->is_conjunction);
  EXPECT_TRUE(filter->terms.empty());
}

TEST(ParseFilter, TellsTheTermsOfAConjunction) {
  const std::array families{FilterFamily{"metrics.", "", "m({})"}};
  const auto filter =
      parse_filter("(state = 'x' and metrics.loss <= 0.5) and attempts != 2", kFields, families);
  ASSERT_TRUE(filter) << describe(filter.error());
  ASSERT_TRUE(filter->is_conjunction);
  ASSERT_EQ(filter->terms.size(), 3U);
  EXPECT_EQ(filter->terms[1].field, "metrics.");
  EXPECT_EQ(filter->terms[1].key, "loss");
  EXPECT_EQ(filter->terms[1].comparison, "<=");
  EXPECT_EQ(std::get<double>(filter->terms[1].value), 0.5);
  EXPECT_EQ(filter->terms[2].field, "attempts");
  EXPECT_EQ(std::get<std::int64_t>(filter->terms[2].value), 2);
  for (const char* other : {"state = 'x' or state = 'y'", "not state = 'x'", "state in ('x')"})
    EXPECT_FALSE(parse_filter(other, kFields)->is_conjunction) << other;
  EXPECT_THAT(parse_filter("metrics.loss = 'low'", kFields, families).error().message,
              HasSubstr("position 16"));
  EXPECT_EQ(parse_filter("metrics.loss = 'low'", kFields, families).error().expected, "a number");
  EXPECT_FALSE(parse_filter("metrics. = 1", kFields, families));
  EXPECT_FALSE(parse_filter("metrics.\"a = 1", kFields, families));
  EXPECT_FALSE(parse_filter("metrics." + std::string(251, 'k') + " = 1", kFields, families));
}

struct Fault {
  std::string text;
  std::string message;
};

TEST(ParseFilter, NamesThePositionOfEachFault) {
  const std::vector<Fault> faults{
      {"stat = 'x'", "position 1: there is no field 'stat'"},
      {"state == 'x'", "position 8: found '='"},
      {"state = running", "position 9: found 'running' for field state"},
      {"attempts = 1.5", "position 12: found '1.5' for field attempts"},
      {"attempts = 99999999999999999999", "position 12"},
      {"loss = 1e999", "position 8"},
      {"created_at > 'yesterday'", "position 14"},
      {"state = 'x", "position 9: a text without its closing quote"},
      {"(state = 'x'", "position 13: found its end"},
      {"state = 'x' state = 'y'", "position 13: found 'state'"},
      {"name in ()", "position 10"},
      {"name not = 'x'", "position 10"},
      {"name = 'x' & name = 'y'", "position 12: a character that means nothing"},
      {"= 3", "position 1"},
      {"not", "position 4: found its end"},
  };
  for (const auto& [text, message] : faults) {
    const auto filter = parse_filter(text, kFields);
    ASSERT_FALSE(filter) << text;
    EXPECT_EQ(filter.error().code, Errc::invalid_argument);
    EXPECT_EQ(filter.error().field, "filter");
    EXPECT_THAT(filter.error().message, HasSubstr(message)) << text;
  }
  EXPECT_EQ(parse_filter("stat = 'x'", kFields).error().hint, "did you mean state?");
}

TEST(ParseFilter, IsBounded) {
  const std::string deep(40, '(');
  EXPECT_THAT(parse_filter(deep + "attempts = 1", kFields).error().message,
              HasSubstr("inside each other"));
  std::string nots;
  for (int i = 0; i < 1000; ++i) nots += "not ";
  EXPECT_THAT(parse_filter(nots + "attempts = 1", kFields).error().message,
              HasSubstr("inside each other"));
  EXPECT_THAT(parse_filter(std::string(5000, ' '), kFields).error().message,
              HasSubstr("5000 bytes"));
  std::string many = "attempts in (0";
  for (int i = 0; i < 300; ++i) many += ",1";
  EXPECT_THAT(parse_filter(many + ")", kFields).error().message, HasSubstr("200 values"));
}

}  // namespace
}  // namespace galley::store
