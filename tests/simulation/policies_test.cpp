// Each reference policy against the obvious slow version of itself, on one node, second by second.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>

#include "worlds.h"

namespace galley::simulation {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kGpus = 8;

struct Running {
  std::int64_t end = 0;
  int gpus = 0;
};

/// One node of 8 GPUs on a clock of seconds; `pick` names the next job to start, or none.
class SlowNode {
 public:
  explicit SlowNode(std::vector<Row> rows) : rows_(std::move(rows)), starts_(rows_.size(), -1) {}

  template <class Pick>
  std::vector<std::int64_t> run(Pick&& pick) {
    std::size_t started = 0;
    for (now_ = 0; started < rows_.size(); ++now_) {
      std::erase_if(running_, [this](const Running& job) { return job.end <= now_; });
      while (const auto job = pick(*this)) {
        starts_[*job] = now_;
        running_.push_back({now_ + rows_[*job].duration_s, rows_[*job].gpus});
        ++started;
      }
    }
    return starts_;
  }

  int free() const {
    int left = kGpus;
    for (const Running& job : running_) left -= job.gpus;
    return left;
  }
  bool waits(std::size_t job) const { return starts_[job] < 0 && rows_[job].submit_s <= now_; }
  bool fits(std::size_t job) const { return rows_[job].gpus <= free(); }
  std::optional<std::size_t> first_waiting() const {
    for (std::size_t i = 0; i < rows_.size(); ++i)
      if (waits(i)) return i;
    return std::nullopt;
  }
  /// When so many GPUs are free, and how many are over then.
  std::pair<std::int64_t, int> shadow(int gpus) const {
    for (std::int64_t later = now_;; ++later) {
      int left = kGpus;
      for (const Running& job : running_)
        if (job.end > later) left -= job.gpus;
      if (left >= gpus) return {later, left - gpus};
    }
  }

  std::vector<Row> rows_;
  std::vector<std::int64_t> starts_;
  std::vector<Running> running_;
  std::int64_t now_ = 0;
};

using Pick = std::optional<std::size_t> (*)(const SlowNode&);

std::optional<std::size_t> pick_fifo(const SlowNode& node) {
  const auto first = node.first_waiting();
  return first && node.fits(*first) ? first : std::nullopt;
}

std::optional<std::size_t> pick_skip(const SlowNode& node) {
  for (std::size_t i = 0; i < node.rows_.size(); ++i)
    if (node.waits(i) && node.fits(i)) return i;
  return std::nullopt;
}

std::optional<std::size_t> pick_shortest(const SlowNode& node) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < node.rows_.size(); ++i)
    if (node.waits(i) && node.fits(i) &&
        (!best || node.rows_[i].duration_s < node.rows_[*best].duration_s))
      best = i;
  return best;
}

std::optional<std::size_t> pick_easy(const SlowNode& node) {
  const auto first = node.first_waiting();
  if (!first || node.fits(*first)) return first;
  const auto [at, over] = node.shadow(node.rows_[*first].gpus);
  for (std::size_t i = *first + 1; i < node.rows_.size(); ++i) {
    if (!node.waits(i) || !node.fits(i)) continue;
    // What is over at the shadow time is lessened by those that run past it; shadow() counts them.
    if (node.now_ + node.rows_[i].duration_s <= at || node.rows_[i].gpus <= over) return i;
  }
  return std::nullopt;
}

std::vector<Row> random_rows(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Row> rows;
  std::int64_t at = 0;
  for (int i = 0; i < 24; ++i) {
    at += static_cast<std::int64_t>(random() % 6);
    constexpr std::array kSizes{1, 1, 2, 3, 4, 8};
    rows.push_back({at, 1 + static_cast<std::int64_t>(random() % 40),
                    kSizes[random() % kSizes.size()], random() % 2 == 0 ? "a" : "b"});
  }
  return rows;
}

void expect_like(std::string_view policy, Pick pick) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const auto rows = random_rows(seed);
    EXPECT_EQ(starts_of(run(workload_of(rows, cluster_of("1x8")), policy)),
              SlowNode(rows).run(pick))
        << policy << ", seed " << seed;
  }
}

TEST(Policies, FifoIsInOrder) { expect_like("fifo", pick_fifo); }
TEST(Policies, FifoSkipPassesByWhatDoesNotFit) { expect_like("fifo-skip", pick_skip); }
TEST(Policies, SjfTakesTheShortestThatFits) { expect_like("sjf-exact", pick_shortest); }
TEST(Policies, EasyBackfillsOnlyWhatDoesNotDelayTheFirst) { expect_like("easy-exact", pick_easy); }

TEST(Policies, QuotaRunsEachTeamInOrderWithinItsGpus) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const auto rows = random_rows(seed);
    const Workload workload = workload_of(rows, cluster_of("1x8", {{"a", 4, 1}, {"b", 4, 1}}));
    // Quotas of 4 of one node's 8 GPUs never meet: each team is a node of its own.
    std::vector<std::int64_t> expected(rows.size(), -1);
    for (const char* team : {"a", "b"}) {
      std::vector<Row> mine;
      std::vector<std::size_t> place;
      for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows[i].team == team && rows[i].gpus <= 4) {
          mine.push_back(rows[i]);
          mine.back().gpus *= 2;  // of 8 instead of 4
          place.push_back(i);
        }
      const auto starts = SlowNode(mine).run(pick_fifo);
      for (std::size_t i = 0; i < place.size(); ++i) expected[place[i]] = starts[i];
    }
    EXPECT_EQ(starts_of(run(workload, "quota-bestfit")), expected) << "seed " << seed;
    EXPECT_EQ(starts_of(run(workload, "quota-packing")), expected) << "seed " << seed;
  }
}

TEST(Policies, EasyNoisyErrsAndIsTheSameForASeed) {
  const Workload workload = workload_of(random_rows(3), cluster_of("1x8"));
  const auto once = starts_of(run(workload, "easy-noisy"));
  EXPECT_EQ(once, starts_of(run(workload, "easy-noisy")));
  EXPECT_EQ(starts_of(run(workload, "sjf-noisy")), starts_of(run(workload, "sjf-noisy")));
  EXPECT_NE(starts_of(run(workload, "sjf-noisy")), starts_of(run(workload, "sjf-exact")));
}

TEST(Policies, LasStopsWhatHasHadItsShareForWhatIsNew) {
  // A holds all 8 GPUs; after 450 s it has had one GPU hour and sinks. B comes at 1000 and runs at
  // once; A goes on afterwards where it stopped.
  const Workload workload = workload_of({{0, 2000, 8}, {1000, 100, 8}}, cluster_of("1x8"));
  const Outcome outcome = run(workload, "las2d");
  EXPECT_THAT(starts_of(outcome), ElementsAre(0, 1000));
  EXPECT_EQ(to_ms(outcome.jobs[0].finish), 2'100'000);
  EXPECT_EQ(outcome.jobs[0].preemptions, 1);
  EXPECT_EQ(outcome.jobs[0].lost, Millis{0});
}

TEST(Policies, LasDoesNotStopWhatIsAsNew) {
  const Workload workload = workload_of({{0, 2000, 8}, {100, 100, 8}}, cluster_of("1x8"));
  EXPECT_THAT(starts_of(run(workload, "las2d")), ElementsAre(0, 450));
}

TEST(Policies, GangsGetAllTheirNodesOrNone) {
  const Workload workload = workload_of({{0, 100, 4}, {0, 50, 24}, {1, 10, 16}}, cluster_of("3x8"));
  EXPECT_THAT(starts_of(run(workload, "fifo")), ElementsAre(0, 100, 150));
  EXPECT_THAT(starts_of(run(workload, "fifo-skip")), ElementsAre(0, 100, 1));
  EXPECT_THAT(starts_of(run(workload, "easy-exact")), ElementsAre(0, 100, 1));
}

TEST(Policies, AreNamedInTheErrorForAnUnknownOne) {
  const auto policy = make_policy("fifo-skp", workload_of({{0, 1, 1}}, cluster_of("1x8")));
  ASSERT_FALSE(policy);
  EXPECT_EQ(policy.error().code, Errc::invalid_argument);
  EXPECT_THAT(describe(policy.error()), HasSubstr("did you mean fifo-skip"));
}

/// Breaks one rule of the replay.
class Broken final : public Policy {
 public:
  enum class How { starts_twice, same_gpus, never_starts, wakes_in_the_past };
  explicit Broken(How how) : how_(how) {}
  void submit(JobIndex job, WallTime) override { waiting_.push_back(job); }
  void finish(JobIndex, WallTime) override {}
  Decision decide(WallTime now) override {
    Decision decision;
    if (how_ == How::wakes_in_the_past) decision.wake_at = now;
    if (how_ == How::never_starts || how_ == How::wakes_in_the_past) return decision;
    for (const JobIndex job : waiting_) decision.starts.push_back({job, {{0, 8}}});
    if (how_ == How::same_gpus) waiting_.clear();
    return decision;
  }

 private:
  How how_;
  std::vector<JobIndex> waiting_;
};

TEST(Replay, FindsThePolicyThatBreaksARule) {
  const Workload one = workload_of({{0, 10, 8}}, cluster_of("1x8"));
  const Workload two = workload_of({{0, 10, 8}, {0, 10, 8}}, cluster_of("1x8"));
  const auto fault = [](const Workload& workload, Broken::How how) {
    Broken policy(how);
    const auto outcome = replay(workload, policy);
    return outcome ? "none" : outcome.error().message;
  };
  EXPECT_THAT(fault(one, Broken::How::starts_twice), HasSubstr("which does not wait"));
  EXPECT_THAT(fault(two, Broken::How::same_gpus), HasSubstr("GPUs that are not free"));
  EXPECT_THAT(fault(one, Broken::How::never_starts), HasSubstr("waiting for ever"));
  EXPECT_THAT(fault(one, Broken::How::wakes_in_the_past), HasSubstr("instant that has passed"));
}

}  // namespace
}  // namespace galley::simulation
