#include "simulation/csv.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace galley::simulation {
namespace {

const CsvForm kForm{{"name", "count"}};

/// Reads the table's counts, or the first error in words.
Result<std::vector<std::int64_t>> counts(std::string_view bytes) {
  std::vector<std::int64_t> found;
  GALLEY_TRY_STATUS(read_csv("t.csv", bytes, kForm, [&](const CsvRow& row) -> Status {
    GALLEY_TRY(const auto count, row.number("count", 0, 10));
    found.push_back(count);
    return ok();
  }));
  return found;
}

std::string error_of(std::string_view bytes) {
  const auto result = counts(bytes);
  return result ? "none" : describe(result.error());
}

TEST(Csv, ReadsRowsByTheNamesOfTheirColumns) {
  EXPECT_EQ(*counts("count,name\n3,a\r\n10,b"), (std::vector<std::int64_t>{3, 10}));
}

TEST(Csv, NamesFileLineFieldAndWhatWouldBeRight) {
  EXPECT_EQ(error_of("name,count\na,1\nb,11\n"),
            "t.csv:3: count is \"11\"; expected a whole number from 0 to 10");
  EXPECT_EQ(error_of("name,count\na,1.5\n"),
            "t.csv:2: count is \"1.5\"; expected a whole number from 0 to 10");
  EXPECT_EQ(error_of("name,count\na,\n"),
            "t.csv:2: count is \"\"; expected a whole number from 0 to 10");
  EXPECT_EQ(error_of("name,count\na,99999999999999999999\n"),
            "t.csv:2: count is \"99999999999999999999\"; expected a whole number from 0 to 10");
}

TEST(Csv, RefusesBrokenTables) {
  EXPECT_EQ(error_of(""),
            "t.csv:1: the column \"name\" is missing; expected a header with name,count");
  EXPECT_EQ(error_of("name,count\n"),
            "t.csv:1: the file has no rows; expected a header and at least one row");
  EXPECT_EQ(error_of("name,count\na\n"),
            "t.csv:2: the row has 1 fields; expected 2 fields, as in the header");
  EXPECT_EQ(error_of("name,count\na,1\n\nb,2\n"),
            "t.csv:3: the row has 1 fields; expected 2 fields, as in the header");
  EXPECT_EQ(error_of("name,count,name\na,1,b\n"),
            "t.csv:1: the column \"name\" is there twice; expected each column once");
  EXPECT_EQ(error_of("name,count\n\xff,1\n"), "t.csv:2: the row is not text; expected UTF-8");
}

TEST(Csv, ShowsOnlyTheBeginningOfALongField) {
  const auto error = error_of("name,count\na," + std::string(5000, 'x') + "\n");
  EXPECT_LT(error.size(), 200U);
}

}  // namespace
}  // namespace galley::simulation
