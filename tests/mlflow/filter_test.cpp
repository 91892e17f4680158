#include "filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace galley::mlflow {
namespace {

using tracking::RunComparison;
using tracking::RunField;

std::vector<Clause> clauses(std::string_view text) {
  auto parsed = parse_filter(text);
  EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().message);
  return parsed ? *parsed : std::vector<Clause>{};
}

TEST(Filter, ReadsEveryKindOfNameAndValue) {
  const auto found = clauses(
      "metrics.`my loss` <= -1.5e-3 AND params.lr = '0.1' and tags.\"a b\" != \"x'y\""
      " AND attributes.run_id NOT IN ('a', \"b\") and status ILIKE 'fin%'");
  ASSERT_EQ(found.size(), 5U);
  EXPECT_EQ(found[0].entity, Entity::metric);
  EXPECT_EQ(found[0].key, "my loss");
  EXPECT_EQ(found[0].comparison, RunComparison::less_or_equal);
  EXPECT_EQ(found[0].number, -1.5e-3);
  EXPECT_EQ(found[1].text, "0.1");
  EXPECT_EQ(found[2].text, "x'y");
  EXPECT_EQ(found[3].texts, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(found[3].comparison, RunComparison::not_among);
  EXPECT_EQ(found[4].entity, Entity::attribute);
  EXPECT_EQ(found[4].key, "status");
  EXPECT_TRUE(clauses("  ").empty());
}

TEST(Filter, KeepsTheDotsOfAKey) {
  EXPECT_EQ(clauses("tags.mlflow.source.name='x'")[0].key, "mlflow.source.name");
}

TEST(Filter, SaysWhereItCannotBeRead) {
  for (const char* text :
       {"metrics.a >", "metrics.a > b", "a = 'b", "metrics. = 1", "colours.a = 1", "a = 1 or b = 2",
        "a in ()", "a in ('x'", "= 1", "a ~ 1", "`a = 1"}) {
    const auto parsed = parse_filter(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Errc::invalid_argument);
    EXPECT_FALSE(parsed.error().message.empty());
  }
}

TEST(Filter, BecomesASearchForRuns) {
  tracking::RunSearch search;
  ASSERT_TRUE(
      add_run_filter("attr.status = 'FINISHED' and tag.mlflow.runName like 'a%'"
                     " and dataset.name = 'd' and start_time > 5",
                     search));
  EXPECT_EQ(search.conditions[0].text, "finished");
  EXPECT_EQ(search.conditions[1].field, RunField::name);
  EXPECT_EQ(search.conditions[2].field, RunField::dataset);
  EXPECT_EQ(search.conditions[3].number, 5);
  ASSERT_TRUE(add_run_orders({"`metrics.loss` DESC", "params.lr", "start_time asc"}, search));
  EXPECT_EQ(search.order.field, RunField::metric);
  EXPECT_EQ(search.order.key, "loss");
  EXPECT_TRUE(search.order.descending);
  ASSERT_EQ(search.then.size(), 2U);
  EXPECT_EQ(search.then[1].field, RunField::created);
  EXPECT_FALSE(add_run_filter("metrics.a > 'x'", search));
  EXPECT_FALSE(add_run_filter("params.a > 1", search));
  EXPECT_FALSE(add_run_filter("attributes.colour = 'x'", search));
  EXPECT_FALSE(add_run_orders({"metrics.a UP"}, search));
}

TEST(Filter, ComparesTextsInMemory) {
  const auto fits = [](const char* filter, const std::string& text) {
    return fulfils(clauses(filter)[0], &text);
  };
  EXPECT_TRUE(fits("a like 'x%z_'", "x-y-zz"));
  EXPECT_FALSE(fits("a like 'X%'", "xyz"));
  EXPECT_TRUE(fits("a ilike 'X%'", "xyz"));
  EXPECT_TRUE(fits("a in ('p', 'q')", "q"));
  EXPECT_FALSE(fits("a not in ('p', 'q')", "q"));
  EXPECT_TRUE(fits("a != 'p'", "q"));
  EXPECT_FALSE(fulfils(clauses("a != 'p'")[0], nullptr)) << "what is absent fulfils nothing";
}

}  // namespace
}  // namespace galley::mlflow
