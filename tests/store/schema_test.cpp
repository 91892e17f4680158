#include "store/schema.h"

#include <gtest/gtest.h>

namespace galley::store {
namespace {

TEST(Schema, TablesIndexesAndColumnsThatMayBeLeftOutOnlyAdd) {
  EXPECT_TRUE(only_adds("-- Why; and more.\ncreate table a (b integer not null);\n"));
  EXPECT_TRUE(only_adds("create index a_by_b on a (b); ALTER TABLE a\n  ADD COLUMN c text;"));
  EXPECT_TRUE(only_adds("alter table a add column c bigint not null default 0"));
  EXPECT_TRUE(only_adds(""));
}

TEST(Schema, WhateverElseAnOlderProgramMayStumbleOver) {
  EXPECT_FALSE(only_adds("alter table a add column c bigint not null"));
  EXPECT_FALSE(only_adds("alter table a add column c text unique"));
  EXPECT_FALSE(only_adds("create unique index a_by_b on a (b)"));
  EXPECT_FALSE(only_adds("create table a (b integer); drop table c"));
  EXPECT_FALSE(only_adds("alter table a rename column b to c"));
  EXPECT_FALSE(only_adds("update a set b = 1"));
  EXPECT_FALSE(only_adds("-- create table a (b integer)\ninsert into a values (1)"));
}

TEST(Schema, EarlyStepsAreCountedByAllPrograms) {
  EXPECT_FALSE(is_addition({kLastCounted, "a", "create table a (b integer)"}));
  EXPECT_TRUE(is_addition({kLastCounted + 1, "a", "create table a (b integer)"}));
}

TEST(Schema, StepsOfThisProgramAreInOrder) {
  int last = 0;
  for (const Migration& step : migrations()) {
    EXPECT_GT(step.number, last);
    last = step.number;
  }
}

}  // namespace
}  // namespace galley::store
