#include "hpo/study_spec.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace galley::hpo {
namespace {

Result<StudySpec> read(const std::string& text) {
  auto json = parse_json(text);
  EXPECT_TRUE(json) << text;
  return parse_study_spec(*json);
}

TEST(StudySpec, ReadsAChoptFile) {
  const auto spec = read(R"({
    "h_params": {"lr": {"parameters": [0.01, 0.09], "distribution": "log_uniform", "type": "float",
                        "p_range": [0.001, 0.1]}},
    "h_params_conditions": [], "h_params_conjunctions": [],
    "measure": "test/accuracy", "order": "descending", "step": 5, "population": 5,
    "tune": {"pbt": {"exploit": "truncation", "explore": "perturb"}},
    "termination": {"max_session_number": 50}, "stop_ratio": 0.5})");
  ASSERT_TRUE(spec) << describe(spec.error());
  EXPECT_EQ(spec->measures[0].name, "test/accuracy");
  EXPECT_TRUE(spec->measures[0].maximise);
  EXPECT_TRUE(spec->pbt.enabled);
  EXPECT_EQ(spec->sampler, "random");
  EXPECT_EQ(spec->termination.max_sessions, 50);
  EXPECT_DOUBLE_EQ(spec->stop_ratio, 0.5);
}

TEST(StudySpec, ReadsTheSupersetAndPrintsItBack) {
  for (const char* text :
       {R"({"measure": "loss", "order": "ascending", "resource": "step", "max_resource": 1000,
            "tune": {"tpe": {}, "asha": {"eta": 4, "rungs": [0.05, 0.2], "type": "stop",
                     "warm_up": 0.1}},
            "gpus": {"min": 1, "max": "idle", "per_trial": 2, "preemptible": false},
            "termination": {"max_gpu_hours": 200, "max_hours": 7.5, "target": 0.1},
            "seed": 9, "seeds": 3})",
        R"({"measure": ["acc", "latency"], "order": ["descending", "ascending"], "tune": "nsga2"})",
        R"({"measure": "acc", "max_resource": "epochs", "tune": "bohb", "step": -1})",
        R"({"measure": "acc", "tune": {"median": {"least": 9}}, "gpus": {"max": 3}})",
        R"({"measure": "acc", "tune": {"pb2": {"factor": 1.5}}, "step": 2})",
        R"({"measure": "acc"})"}) {
    const auto spec = read(text);
    ASSERT_TRUE(spec) << text << describe(spec.error());
    const Json printed = print_study_spec(*spec);
    const auto again = parse_study_spec(printed);
    ASSERT_TRUE(again) << printed.dump() << describe(again.error());
    EXPECT_EQ(print_study_spec(*again), printed);
  }
  const auto bohb = read(R"({"measure": "acc", "tune": "bohb"})");
  EXPECT_EQ(bohb->sampler, "rungs");
  EXPECT_EQ(bohb->stopping.method, Stopping::hyperband);
  EXPECT_EQ(read(R"({"measure": "acc", "tune": "asha"})")->sampler, "random");
  EXPECT_EQ(read(R"({"measure": "acc"})")->sampler, "auto");
}

struct BrokenSpec {
  const char* text;
  const char* field;
  const char* hint;  // a part of it
};

TEST(StudySpec, NamesThePathAndTheNearestKey) {
  for (const auto& [text, field, hint] : std::vector<BrokenSpec>{
           {R"([])", "a study", ""},
           {R"({})", "measure", ""},
           {R"({"measure": 3})", "measure", ""},
           {R"({"measure": "a", "populaton": 5})", "populaton", "population"},
           {R"({"measure": "a", "order": "descend"})", "order", "descending"},
           {R"({"measure": "a", "tune": "asa"})", "tune.asa", "asha"},
           {R"({"measure": "a", "tune": {"asha": {"etta": 3}}})", "tune.asha.etta", "eta"},
           {R"({"measure": "a", "tune": {"asha": {"eta": 1}}})", "tune.asha.eta", ""},
           {R"({"measure": "a", "tune": {"asha": {"rungs": [0.5, 0.2]}}})", "tune.asha.rungs", ""},
           {R"({"measure": "a", "tune": {"asha": {}, "median": {}}})", "tune.median", ""},
           {R"({"measure": "a", "tune": {"tpe": {}, "gp": {}}})", "tune.tpe", ""},
           {R"({"measure": "a", "tune": {"auto": {}, "asha": {}}})", "tune.auto", ""},
           {R"({"measure": "a", "tune": {"pbt": {"exploit": "truncate"}}, "step": 1})",
            "tune.pbt.exploit", "truncation"},
           {R"({"measure": "a", "tune": "pbt"})", "step", ""},
           {R"({"measure": "a", "stop_ratio": 1.5})", "stop_ratio", ""},
           {R"({"measure": "a", "result": "bests"})", "result", "did you mean 'best'?"},
           {R"({"measure": "a", "result": "best", "step": 1, "tune": "pbt"})", "result", ""},
           {R"({"measure": "a", "step": 0})", "step", ""},
           {R"({"measure": "a", "population": 2.5})", "population", ""},
           {R"({"measure": "a", "gpus": {"min": 4, "max": 2}})", "gpus.max", ""},
           {R"({"measure": "a", "termination": {"max_sessions": 4}})", "termination.max_sessions",
            "max_session_number"},
           {R"({"measure": "a", "seeds": 0})", "seeds", ""},
           {R"({"measure": ["a", "b"], "order": ["ascending"]})", "order", ""},
           {R"({"measure": "a", "max_resource": -1})", "max_resource", ""}}) {
    const auto spec = read(text);
    ASSERT_FALSE(spec) << text;
    EXPECT_EQ(spec.error().code, Errc::invalid_argument);
    EXPECT_EQ(spec.error().field, field) << text;
    EXPECT_NE(spec.error().hint.find(hint), std::string::npos) << text << spec.error().hint;
    EXPECT_FALSE(spec.error().message.empty());
  }
}

}  // namespace
}  // namespace galley::hpo
