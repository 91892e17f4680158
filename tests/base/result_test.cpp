#include "base/result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

namespace galley {
namespace {

using ::testing::HasSubstr;

Result<int> half(int number) {
  if (number % 2 != 0) return Error{Errc::invalid_argument, std::to_string(number) + " is odd"};
  return number / 2;
}

Result<int> quarter(int number) {
  GALLEY_TRY(const int once, half(number));
  GALLEY_TRY(const int twice, half(once));
  return twice;
}

Status both_even(int a, int b) {
  GALLEY_TRY_STATUS(half(a));
  GALLEY_TRY_STATUS(half(b));
  return ok();
}

TEST(Result, HoldsAValueOrAnError) {
  EXPECT_EQ(*half(4), 2);
  const auto odd = half(3);
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().message, "3 is odd");
  EXPECT_EQ(half(3).value_or(7), 7);
}

TEST(Result, TryReturnsTheFirstError) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_EQ(quarter(6).error().message, "3 is odd");
  EXPECT_TRUE(both_even(2, 4));
  EXPECT_EQ(both_even(2, 5).error().message, "5 is odd");
}

TEST(Result, AndThenChainsAndMovesValues) {
  EXPECT_EQ(*half(8).and_then(half), 2);
  EXPECT_FALSE(half(6).and_then(half));
  Result<std::unique_ptr<int>> owner(std::make_unique<int>(5));
  const std::unique_ptr<int> taken = *std::move(owner);
  EXPECT_EQ(*taken, 5);
}

TEST(DescribeError, IsOneLineWithAllThatIsKnown) {
  EXPECT_EQ(describe({Errc::invalid_argument, "found -1", "resources.gpus", "0 to 4096", "use 0"}),
            "resources.gpus: found -1; expected 0 to 4096; use 0");
  EXPECT_EQ(describe({Errc::internal, "broken"}), "broken");
}

TEST(SystemError, FitsTheErrno) {
  EXPECT_EQ(system_error("x", ENOSPC).code, Errc::exhausted);
  EXPECT_EQ(system_error("x", EROFS).code, Errc::forbidden);
  EXPECT_EQ(system_error("x", ENOENT).code, Errc::not_found);
  EXPECT_EQ(system_error("x", EADDRINUSE).code, Errc::conflict);
  EXPECT_EQ(system_error("x", EIO).code, Errc::internal);
  EXPECT_THAT(system_error("cannot open y", ENOENT).message, HasSubstr("cannot open y: No such"));
}

TEST(CheckDeathTest, StopsTheProcessAndSaysWhy) {
  EXPECT_DEATH(GALLEY_CHECK(1 == 2, "numbers must agree"), "numbers must agree");
}

}  // namespace
}  // namespace galley
