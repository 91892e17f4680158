// A server under everything that clients do, for as long as is wanted: GALLEY_SOAK_SECONDS, or half
// an hour where GALLEY_SOAK_FULL is set, or twenty seconds.
#include <unistd.h>

#include <condition_variable>
#include <fstream>
#include <thread>

#include "serve_fixture.h"
#include "soak_load.h"
#include "trend.h"

namespace galley::openai {
namespace {

using Steady = std::chrono::steady_clock;

constexpr double kMiB = 1 << 20;
constexpr int kClients = 5;
constexpr std::chrono::milliseconds kSamplePeriod{250};
constexpr std::chrono::milliseconds kProbePeriod{50};
/// A shorter run says something about mistakes, but nothing about slopes and tails.
constexpr std::chrono::seconds kTelling{240};

std::chrono::seconds wanted_length() {
  if (const char* seconds = std::getenv("GALLEY_SOAK_SECONDS"))
    return std::chrono::seconds(std::atol(seconds));
  return std::getenv("GALLEY_SOAK_FULL") != nullptr ? std::chrono::minutes(30)
                                                    : std::chrono::seconds(20);
}

double resident_bytes(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/statm");
  double size = 0, resident = 0;
  in >> size >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

std::size_t open_files(pid_t pid) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd"))
    ++count;
  return count;
}

struct Probe {
  double at_s = 0;  // since the beginning
  double took_ms = 0;
};

class SoakTest : public ServeTest {
 protected:
  /// Asks the same question again and again, as a patient client would.
  std::vector<Probe> probe(const ServerProcess& server, Steady::time_point began,
                           Steady::time_point end) const {
    std::vector<Probe> probes;
    const auto asking = client(server);
    for (auto next = began; next < end; next = std::max(next + kProbePeriod, Steady::now())) {
      std::this_thread::sleep_until(next);
      std::vector<int> prompt(16);
      for (std::size_t i = 0; i < prompt.size(); ++i)
        prompt[i] = 100 + static_cast<int>((probes.size() * 31 + i) % 900);
      const Json body{{"prompt", prompt},
                      {"max_tokens", 8},
                      {"temperature", 0},
                      {"ignore_eos", true},
                      {"priority", -1}};
      const auto from = Steady::now();
      const auto answer =
          asking->send({.method = "POST", .target = "/v1/completions", .body = dump_json(body)});
      const auto now = Steady::now();
      EXPECT_TRUE(answer) << describe(answer.error());
      if (answer && answer->status == 429) continue;
      EXPECT_TRUE(answer && answer->status == 200);
      probes.push_back({std::chrono::duration<double>(from - began).count(),
                        std::chrono::duration<double, std::milli>(now - from).count()});
    }
    return probes;
  }
};

std::vector<double> times_between(const std::vector<Probe>& probes, double from_s, double to_s) {
  std::vector<double> times;
  for (const Probe& one : probes)
    if (one.at_s >= from_s && one.at_s < to_s) times.push_back(one.took_ms);
  return times;
}

TEST_F(SoakTest, NothingLeaksSticksOrSlowsDown) {
  const auto length = wanted_length();
  auto started = begin({"--max-sequences", "16", "--max-waiting", "64", "--kv-memory", "4MiB"},
                       std::filesystem::path(GALLEY_SOURCE_DIR) / "data/lm/model");
  ASSERT_TRUE(started) << describe(started.error());
  const ServerProcess& server = *started;
  const Json facts = get(server, "/v1/models")["data"][0];
  const SoakClient::Server target{
      .address = address_of(server), .context = facts["context_length"], .vocabulary = 2000};

  SoakTally tally;
  const auto began = Steady::now();
  const auto end = began + length;
  std::vector<double> resident;
  std::vector<Probe> probes;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kClients; ++i)
      threads.emplace_back([&, i] {
        SoakClient one(target, static_cast<std::uint64_t>(i) + 1, tally);
        while (Steady::now() < end && !HasFailure()) one.act();
      });
    threads.emplace_back([&] { probes = probe(server, began, end); });
    for (auto next = began; next < end && !HasFailure(); next += kSamplePeriod) {
      std::this_thread::sleep_until(next);
      resident.push_back(resident_bytes(server.pid()));
    }
  }
  ASSERT_FALSE(HasFailure());

  // No request sticks: the engine is empty and holds no page, and all connections are closed.
  EXPECT_TRUE(eventually([&] {
    return metric(server, "galley_requests_running") == 0 &&
           metric(server, "galley_requests_waiting") == 0 &&
           metric(server, "galley_kv_cache_usage_ratio") == 0;
  }));
  EXPECT_EQ(get(server, "/health")["status"], "ok");
  EXPECT_TRUE(eventually([&] { return open_files(server.pid()) < 40; }));

  // Memory: what the first third took to settle is left out.
  const std::span settled = std::span(resident).subspan(resident.size() / 3);
  const Trend trend = trend_of(settled);
  const double third = std::chrono::duration<double>(length).count() / 3;
  const double first = quantile_of(times_between(probes, 0, third), 0.99);
  const double last = quantile_of(times_between(probes, 2 * third, 3 * third), 0.99);
  std::printf(
      "%lld s: %llu answered, %llu refused, %llu told to come again, %llu abandoned; resident "
      "%.1f MiB, growth over the last two thirds %.2f MiB%s; p99 of %zu probes %.1f ms in the "
      "first "
      "third, %.1f ms in the last\n",
      static_cast<long long>(length.count()),
      static_cast<unsigned long long>(tally.answered.load()),
      static_cast<unsigned long long>(tally.refused.load()),
      static_cast<unsigned long long>(tally.busy.load()),
      static_cast<unsigned long long>(tally.abandoned.load()), resident.back() / kMiB,
      trend.growth / kMiB, trend.rises ? ", rising" : "", probes.size(), first, last);
  EXPECT_GT(tally.answered, 0U);
  EXPECT_GT(tally.refused, 0U);
  EXPECT_GT(tally.abandoned, 0U);
  if (length >= kTelling) {
    EXPECT_FALSE(trend.rises && trend.growth > 1 * kMiB);
    EXPECT_LE(last, 1.5 * first + 20);
  } else {
    EXPECT_LT(trend.growth, 32 * kMiB);
  }
  const auto stopped = started->stop();
  ASSERT_TRUE(stopped) << describe(stopped.error());
  EXPECT_EQ(stopped->exit_code, 0) << stopped->said;
}

TEST(Trend, SeesALeakAndForgivesNoise) {
  std::mt19937 dice(1);
  std::normal_distribution<double> noise(0, 1);
  std::vector<double> still, leaking, falling;
  for (int i = 0; i < 400; ++i) {
    const double value = 100 + noise(dice);
    still.push_back(value);
    leaking.push_back(value + 0.01 * i);
    falling.push_back(value - 0.01 * i);
  }
  EXPECT_FALSE(trend_of(still).rises);
  EXPECT_FALSE(trend_of(falling).rises);
  EXPECT_TRUE(trend_of(leaking).rises);
  EXPECT_NEAR(trend_of(leaking).growth, 0.01 * 360, 0.6);
  EXPECT_EQ(quantile_of({3, 1, 2}, 0.5), 2);
}

}  // namespace
}  // namespace galley::openai
