#include "remote_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/identity.h"
#include "base/file.h"
#include "process/identity.h"
#include "support/temp_folder.h"

namespace galley::agent {
namespace {

using ::testing::HasSubstr;

TEST(EpochMemory, RefusesAnOlderLeaderAlsoAfterAKill) {
  testing::TempFolder folder;
  {
    auto memory = EpochMemory::open(folder / "epoch");
    ASSERT_TRUE(memory);
    EXPECT_TRUE(memory->accept(4));
    EXPECT_TRUE(memory->accept(5));
  }
  auto memory = EpochMemory::open(folder / "epoch");
  ASSERT_TRUE(memory);
  const auto refused = memory->accept(4);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("epoch 4"));
  EXPECT_TRUE(memory->accept(5));
}

TEST(RemoteSession, RemembersWhoFellSilent) {
  RemoteSession session;
  session.begin({"http://a", "1"});
  EXPECT_FALSE(process::wait_readable(session.away_flag().fd(), Millis{0}));
  session.end();
  EXPECT_EQ(session.silent_address(), "");
  session.begin({"http://b", "2"});
  session.end(true);
  EXPECT_EQ(session.silent_address(), "http://b");
  EXPECT_TRUE(process::wait_readable(session.away_flag().fd(), Millis{0}));  // what is sent ends
  session.begin({"http://a", "3"});
  EXPECT_FALSE(process::wait_readable(session.away_flag().fd(), Millis{0}));
  session.stop();
  session.begin({"http://a", "4"});
  EXPECT_TRUE(process::wait_readable(session.away_flag().fd(), Millis{0}));
}

TEST(Backoff, GrowsToItsBoundAndBeginsAnew) {
  Backoff backoff(Millis{100}, Millis{800}, 7);
  for (const std::int64_t most : {100, 200, 400, 800, 800, 800}) {
    const auto pause = backoff.next();
    EXPECT_GE(pause.count(), most / 2);
    EXPECT_LE(pause.count(), most);
  }
  backoff.reset();
  EXPECT_LE(backoff.next().count(), 100);
}

TEST(Identity, ComesBackFromItsFile) {
  testing::TempFolder folder;
  EXPECT_FALSE(read_identity(folder.path())->has_value());
  const Identity identity{NodeId::trusted("node_00000000000000000000000001"),
                          "a",
                          {{"http://h:1", "http://h:2"}, "/ca.pem", "ab", "secret"}};
  ASSERT_TRUE(write_identity(folder.path(), identity));
  const auto read = read_identity(folder.path());
  ASSERT_TRUE(read && read->has_value());
  EXPECT_EQ((*read)->node_id, identity.node_id);
  EXPECT_EQ((*read)->access.addresses, identity.access.addresses);
  EXPECT_EQ((*read)->access.credential, "secret");
}

TEST(MachineMark, TellsACopyOfAFolderFromIt) {
  testing::TempFolder folder;
  ASSERT_TRUE(make_folders(folder / "a"));
  ASSERT_TRUE(make_folders(folder / "b"));
  EXPECT_EQ(*machine_mark(folder / "a"), *machine_mark(folder / "a"));
  EXPECT_NE(*machine_mark(folder / "a"), *machine_mark(folder / "b"));
}

}  // namespace
}  // namespace galley::agent
