#include "estimator/prices.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "estimator/csv.h"
#include "estimator/request.h"

namespace galley::estimator {
namespace {

constexpr const char* kSkyPilot =
    "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,Region,GpuInfo,SpotPrice\n"
    "p3.8xlarge,V100,4.0,32,244,12.24,us-east-1,\"{'Gpus': [{'Name': 'V100', 'Count': 4}]}\",3.67\n"
    "m5.large,,,2,8,0.096,us-east-1,,0.04\n"
    "TPU-VM,tpu-v4-8,1.0,,,12.88,us-central2,,5.15\n"
    "odd,NewChip-X,8,64,512,1.0,moon,,\n";

TEST(Prices, ReadsSkyPilotsCatalogue) {
  const auto rows = parse_prices(kSkyPilot);
  ASSERT_TRUE(rows) << describe(rows.error());
  ASSERT_EQ(rows->size(), 3U);
  EXPECT_EQ((*rows)[0].gpu, "V100");
  EXPECT_DOUBLE_EQ((*rows)[0].gpus, 4);
  EXPECT_DOUBLE_EQ((*rows)[0].spot_usd_per_h, 3.67);
  std::size_t skipped = 0;
  const auto offers = offers_from_prices(*rows, true, {}, skipped);
  EXPECT_EQ(skipped, 1U);
  ASSERT_EQ(offers.size(), 4U);
  EXPECT_EQ(offers[2].gpu.name, "TPU v4");
  EXPECT_DOUBLE_EQ(offers[2].gpus, 4);  // chips of a slice of eight cores
  EXPECT_TRUE(offers[1].spot);
  EXPECT_DOUBLE_EQ(offers[1].usd_per_h, 3.67);
}

TEST(Prices, TheShippedListIsUsable) {
  const auto text = read_file(GALLEY_SOURCE_DIR "/data/estimator/prices.csv", 1 << 20);
  ASSERT_TRUE(text) << describe(text.error());
  const auto rows = parse_prices(*text);
  ASSERT_TRUE(rows) << describe(rows.error());
  std::size_t skipped = 0;
  EXPECT_GT(offers_from_prices(*rows, false, {}, skipped).size(), 200U);
  EXPECT_EQ(skipped, 0U);
}

TEST(Prices, LargerCountsAreSeveralInstancesOnSeveralNodes) {
  const auto rows = parse_prices(kSkyPilot);
  std::size_t skipped = 0;
  const auto offers = offers_from_prices({(*rows)[0]}, false, {2, 8}, skipped);
  ASSERT_EQ(offers.size(), 1U);
  EXPECT_DOUBLE_EQ(offers[0].gpus, 8);
  EXPECT_DOUBLE_EQ(offers[0].nodes, 2);
  EXPECT_DOUBLE_EQ(offers[0].usd_per_h, 24.48);
}

TEST(Prices, WrongColumnsAreNamedWithThoseThatWereFound) {
  const auto rows = parse_prices("InstanceType,vCPUs,Cost\nx,1,2\n");
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, Errc::invalid_argument);
  for (const char* word : {"AcceleratorName", "AcceleratorCount", "Price", "vCPUs", "Cost"})
    EXPECT_NE(rows.error().message.find(word), std::string::npos) << rows.error().message;
}

TEST(Prices, BadNumbersNameTheirLineAndColumn) {
  for (const char* price : {"cheap", "-3", "1e99", "inf"}) {
    const auto rows =
        parse_prices(std::string("gpu,gpus,usd_per_hour\nV100,1,3\nT4,1,") + price + "\n");
    ASSERT_FALSE(rows) << price;
    EXPECT_NE(rows.error().message.find("line 3"), std::string::npos) << rows.error().message;
    EXPECT_NE(rows.error().message.find("usd_per_hour"), std::string::npos);
  }
}

TEST(Csv, QuotesHoldCommasQuotesAndLines) {
  const auto table = parse_csv(
      "\xEF\xBB\xBF"
      "a,b\r\n\"x, \"\"y\"\"\nz\",2\n\n3,4");
  ASSERT_TRUE(table) << describe(table.error());
  ASSERT_EQ(table->rows.size(), 2U);
  EXPECT_EQ(table->rows[0][0], "x, \"y\"\nz");
  EXPECT_EQ(table->lines[1], 5U);
  EXPECT_FALSE(parse_csv("a,b\n1\n"));
  EXPECT_FALSE(parse_csv("a\n\"open\n"));
  EXPECT_FALSE(parse_csv(""));
  EXPECT_FALSE(parse_csv("a\n1\n2\n", 1));
}

TEST(BuyOrRent, BreaksEvenWhereRentHasPaidForTheMachine) {
  OwnedMachine cards{.purchase_usd = 7000, .watts = 900};
  const double power = 0.9 * 1.4 * 0.15;
  const auto small = buy_or_rent(cards, 0.88);
  ASSERT_TRUE(small);
  EXPECT_TRUE(small->pays);
  EXPECT_NEAR(small->break_even_h, 7000 / (0.88 - power), 1e-6);
  const auto large = buy_or_rent({.purchase_usd = 60000, .watts = 5000}, 8.8);
  ASSERT_TRUE(large);
  EXPECT_NEAR(large->break_even_h, 60000 / (8.8 - 5 * 1.4 * 0.15), 1e-6);
  EXPECT_NEAR(large->break_even_days, large->break_even_h / 24 / 0.7, 1e-6);
  // Bought for all of its hours it must cost as much as rent at the break-even usage.
  const auto never = buy_or_rent(cards, power);
  ASSERT_TRUE(never);
  EXPECT_FALSE(never->pays);
  EXPECT_LT(never->within_lifetime, 1);
  EXPECT_FALSE(buy_or_rent({.purchase_usd = 0}, 1));
  EXPECT_FALSE(buy_or_rent({.purchase_usd = 1, .usage_ratio = 1.5}, 1));
}

}  // namespace
}  // namespace galley::estimator
