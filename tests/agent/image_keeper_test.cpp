// Engines in trouble.
#include "image_keeper.h"

#include <gmock/gmock.h>

#include <condition_variable>
#include <mutex>

#include "stand_in_engine.h"
#include "support/gate.h"
#include "support/temp_folder.h"

namespace galley::agent {
namespace {

using ::testing::HasSubstr;

constexpr EnginePace kQuick{.answer = Millis{2'000}, .look_again = Millis{20}, .retry = Millis{20}};

class ImageKeeperTest : public ::testing::Test {
 protected:
  std::unique_ptr<ImageKeeper> start(EnginePace pace = kQuick) {
    auto keeper = ImageKeeper::start(engine_.program(), temp_ / "cache", pace);
    EXPECT_TRUE(keeper);
    return keeper ? *std::move(keeper) : nullptr;
  }
  /// Waits for the image; empty when it has come.
  std::string bring(ImageKeeper& keeper, const std::string& image) {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<std::string> answer;
    keeper.want(image, std::nullopt,
                {.stage = [](const std::string&) {},
                 .output = [](std::string_view) {},
                 .done =
                     [&](const Result<Engine>& engine, ImageFault fault) {
                       const std::lock_guard lock(mutex);
                       answer = engine ? ""
                                       : (fault == ImageFault::node ? "node: " : "user: ") +
                                             engine.error().message;
                       changed.notify_all();
                     }});
    std::unique_lock lock(mutex);
    changed.wait_for(lock, galley::testing::kPatience, [&] { return answer.has_value(); });
    return answer.value_or("no answer");
  }
  static bool eventually(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + galley::testing::kPatience;
    while (std::chrono::steady_clock::now() < deadline) {
      if (holds()) return true;
      std::this_thread::yield();
    }
    return false;
  }

  galley::testing::TempFolder temp_;
  StandInEngine engine_{temp_ / "engine"};
};

TEST_F(ImageKeeperTest, AnEngineThatHangsIsContained) {
  engine_.set("hang");
  const auto keeper = start({.answer = Millis{100}, .look_again = Millis{20}, .retry = Millis{20}});
  EXPECT_FALSE(keeper->engine());
  EXPECT_THAT(keeper->fault(), HasSubstr("timed out after 100 ms"));
  EXPECT_THAT(bring(*keeper, "here:1"), HasSubstr("node: its container engine does not answer"));
}

TEST_F(ImageKeeperTest, AnEngineComesBack) {
  engine_.set("away");
  const auto keeper = start();
  EXPECT_FALSE(keeper->engine());
  EXPECT_THAT(keeper->fault(), HasSubstr("Cannot connect to podman.sock"));
  engine_.clear("away");
  EXPECT_TRUE(eventually([&] { return keeper->engine().has_value(); }));
  EXPECT_EQ(keeper->fault(), "");
  EXPECT_EQ(bring(*keeper, "here:1"), "");
}

TEST_F(ImageKeeperTest, GarbageIsNoEngine) {
  engine_.set("garbage");
  const auto keeper = start();
  EXPECT_FALSE(keeper->engine());
  EXPECT_THAT(keeper->fault(), HasSubstr("no description of itself"));
}

TEST_F(ImageKeeperTest, RemembersImagesOverARestart) {
  EXPECT_EQ(bring(*start(), "here:1"), "");
  const auto keeper = start();
  ASSERT_EQ(keeper->contents().size(), 1U);
  EXPECT_EQ(keeper->contents().front().name, "image:here:1");
  // Somebody has removed it behind our back: it is fetched again.
  std::filesystem::remove(engine_ / "images/here_1");
  EXPECT_EQ(bring(*keeper, "here:1"), "");
  EXPECT_EQ(engine_.count("pull here:1"), 2);
}

TEST_F(ImageKeeperTest, EndsWhatItHasUnderWay) {
  galley::testing::Gate gate(engine_ / "gate");
  auto keeper = start();
  keeper->want("slow:1", std::nullopt,
               {.stage = [](const std::string&) {},
                .output = [](std::string_view) {},
                .done = [](const Result<Engine>&, ImageFault) {}});
  ASSERT_TRUE(eventually([&] { return engine_.count("pull slow:1") == 1; }));
  keeper.reset();
}

TEST(ImageKeeper, NeedsNoEngine) {
  galley::testing::TempFolder temp;
  auto keeper = ImageKeeper::start("none", temp / "cache");
  ASSERT_TRUE(keeper);
  EXPECT_FALSE((*keeper)->engine());
  EXPECT_FALSE(ImageKeeper::start("/nowhere/podman", temp / "cache"));
  EXPECT_FALSE(ImageKeeper::start("rkt", temp / "cache"));
}

}  // namespace
}  // namespace galley::agent
