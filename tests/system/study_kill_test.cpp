// Studies whose server dies again and again.
#include <gtest/gtest.h>

#include <csignal>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <thread>

#include "fleet.h"
#include "installation.h"

namespace galley::testing {
namespace {

constexpr int kMaxKillMs = 250;
constexpr int kAskedTrials = 400;

Json study_of(const std::string& name, std::int64_t trials) {
  return {{"name", name},
          {"h_params",
           {{"x", {{"type", "float"}, {"distribution", "uniform"}, {"parameters", {0, 1}}}},
            {"kind",
             {{"type", "str"}, {"distribution", "categorical"}, {"parameters", {"a", "b", "c"}}}}}},
          {"measure", "score"},
          {"order", "descending"},
          {"max_resource", 3},
          {"tune", "tpe"},
          {"termination", {{"max_session_number", trials}}},
          {"seed", 11}};
}

double score_of(const Json& params) {
  const double x = params.at("x").get<double>();
  return x * (1 - x) + (params.at("kind") == "b" ? 0.1 : 0);
}

class StudyKillTest : public ::testing::Test {
 protected:
  /// Kills the server at some moment from now on.
  std::jthread killer() {
    const auto after = Millis{static_cast<std::int64_t>(random_() % kMaxKillMs)};
    return std::jthread([after, pid = site_.server().pid()] {
      std::this_thread::sleep_for(after);
      ::kill(pid, SIGKILL);
    });
  }

  /// Asks and tells one trial after another, until the server is gone or the study is over.
  bool ask_and_tell(const std::string& study) {
    auto client = site_.client();
    const std::string base = "/api/v1/studies/" + study;
    while (true) {
      if (!holds_) {
        const auto orders = client.post(base + "/ask", {{"worker", "w"}});
        if (!orders) return orders.error().code == Errc::conflict;
        if (orders->at("items").empty()) return true;
        holds_ = orders->at("items").at(0);
      }
      const auto trial = holds_->at("trial").get<std::int64_t>();
      const Json params = holds_->at("params");
      const auto [known, is_new] = asked_.emplace(trial, params);
      EXPECT_EQ(known->second, params) << "the trial was given with other settings";
      const auto told =
          client.post(base + "/tell", {{"trial", trial}, {"value", score_of(params)}});
      if (!told) return false;  // told again after the restart
      holds_.reset();
    }
  }

  std::vector<Json> trials_of(const std::string& study) {
    const auto answer = site_.client().get("/api/v1/studies/" + study + "/trials?limit=100000");
    EXPECT_TRUE(answer) << describe(answer.error());
    return answer ? answer->at("items").get<std::vector<Json>>() : std::vector<Json>();
  }
  std::string created(const Json& file) {
    const auto study = site_.client().post("/api/v1/studies", file);
    EXPECT_TRUE(study) << describe(study.error());
    return study ? study->at("id").get<std::string>() : std::string();
  }
  std::string study_state(const std::string& study) {
    const auto now = site_.client().get("/api/v1/studies/" + study);
    return now ? now->at("state").get<std::string>() : std::string();
  }

  Installation site_;
  std::mt19937_64 random_{20261122};
  std::optional<Json> holds_;
  std::map<std::int64_t, Json> asked_;
};

TEST_F(StudyKillTest, NoResultIsLostOrDoubledAndNoTrialIsStuck) {
  ASSERT_NO_FATAL_FAILURE(site_.start());
  const std::string asked = created(study_of("asked", kAskedTrials));
  Json with_job = study_of("jobs", 2 * GALLEY_STUDY_KILLS);
  with_job["tune"] = "random";
  with_job["job"] = {{"command",
                      {"/bin/sh", "-c",
                       "for e in 1 2 3; do sleep 0.02; echo \"galley:: step=$e score=$0\"; "
                       "[ $1 = 1 ] && kill -KILL $$; done; true",
                       "{x}", "{dies}"}}};
  with_job["h_params"]["dies"] = {
      {"type", "int"}, {"distribution", "categorical"}, {"parameters", {0, 1}}};
  const std::string jobs = created(with_job);

  for (int round = 0; round < GALLEY_STUDY_KILLS; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    {
      const auto death = killer();
      ask_and_tell(asked);
    }
    if (round % 5 == 4) {  // while it starts
      auto starting =
          support::ServerProcess::begin({.program = program("galley"), .data = site_.data()});
      ASSERT_TRUE(starting) << describe(starting.error());
    }
    ASSERT_NO_FATAL_FAILURE(site_.start());
  }

  ASSERT_TRUE(ask_and_tell(asked));
  const auto trials = trials_of(asked);
  ASSERT_EQ(trials.size(), static_cast<std::size_t>(kAskedTrials));
  for (const Json& trial : trials) {
    EXPECT_EQ(trial.at("state"), "finished") << trial;
    EXPECT_EQ(trial.at("values").at(0).get<double>(), score_of(trial.at("params")));
  }
  // What a server that nobody kills suggests.
  const auto killed = asked_;
  asked_.clear();
  ASSERT_TRUE(ask_and_tell(created(study_of("calm", kAskedTrials))));
  EXPECT_EQ(asked_, killed);

  ASSERT_TRUE(eventually([&] { return study_state(jobs) == "finished"; })) << study_state(jobs);
  std::set<std::string> used;
  for (const Json& trial : trials_of(jobs)) {
    const bool dies = trial.at("params").at("dies") == 1;
    EXPECT_EQ(trial.at("state"), dies ? "failed" : "finished") << trial;
    if (!dies) {
      EXPECT_EQ(trial.at("values").at(0), trial.at("params").at("x")) << trial;
    }
    EXPECT_TRUE(used.insert(trial.at("job_id").get<std::string>()).second) << trial;
  }
  const auto all = site_.client().get("/api/v1/jobs?limit=500");
  ASSERT_TRUE(all) << describe(all.error());
  EXPECT_EQ(std::min<std::size_t>(all->at("items").size(), 500),
            std::min<std::size_t>(used.size(), 500))
      << "a trial was started twice";
}

/// Trials are jobs of another machine, whose agent dies as often as the controller does.
TEST(StudyFleetKillTest, NoResultIsLostWhenAgentsAndControllersDie) {
  Fleet fleet;
  ASSERT_NO_FATAL_FAILURE(fleet.start_controller());
  ASSERT_NO_FATAL_FAILURE(fleet.start_agent("worker"));
  Json file = study_of("fleet", GALLEY_STUDY_KILLS + 4);
  file["tune"] = "random";
  file["job"] = {
      {"command",
       {"/bin/sh", "-c", "for e in 1 2 3; do sleep 0.1; echo \"galley:: step=$e score=$0\"; done",
        "{x}"}}};
  const auto made = fleet.client().post("/api/v1/studies", file);
  ASSERT_TRUE(made) << describe(made.error());
  std::mt19937_64 random(20261122);
  for (int round = 0; round < GALLEY_STUDY_KILLS; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    std::this_thread::sleep_for(Millis{static_cast<std::int64_t>(random() % kMaxKillMs)});
    if (round % 3 == 2) {
      fleet.kill_controller();
      ASSERT_NO_FATAL_FAILURE(fleet.start_controller());
    } else {
      fleet.kill_agent("worker");
      ASSERT_NO_FATAL_FAILURE(fleet.start_agent("worker"));
    }
  }
  const auto study = [&] {
    const auto now = fleet.client().get("/api/v1/studies/fleet");
    return now ? *now : Json::object();
  };
  ASSERT_TRUE(eventually([&] { return study().value("state", "") == "finished"; })) << study();
  const auto trials = fleet.client().get("/api/v1/studies/fleet/trials?limit=1000");
  ASSERT_TRUE(trials) << describe(trials.error());
  EXPECT_EQ(trials->at("items").size(), static_cast<std::size_t>(GALLEY_STUDY_KILLS + 4));
  std::set<std::string> used;
  for (const Json& trial : trials->at("items")) {
    EXPECT_EQ(trial.at("state"), "finished") << trial;
    EXPECT_EQ(trial.at("values").at(0), trial.at("params").at("x")) << trial;
    EXPECT_TRUE(used.insert(trial.at("job_id").get<std::string>()).second) << trial;
  }
}

}  // namespace
}  // namespace galley::testing
