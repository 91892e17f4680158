#include "fixture.h"

namespace galley::tracking {
namespace {

class Runs : public TrackingFixture {};

TEST_F(Runs, KeepWhatTheyAreMadeWith) {
  const auto made = tracking_->create_run("first", "reviews", "job_7");
  ASSERT_TRUE(made) << describe(made.error());
  const auto back = tracking_->get(made->id);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->run.name, "first");
  EXPECT_EQ(back->run.experiment, "reviews");
  EXPECT_EQ(back->run.job_id, "job_7");
  EXPECT_EQ(back->run.state, RunState::running);
  EXPECT_EQ(back->run.created, clock_.wall());
  EXPECT_FALSE(back->run.ended);
  EXPECT_EQ(tracking_->get(ids_.next<RunTag>()).error().code, Errc::not_found);
  EXPECT_EQ(tracking_->create_run("bad\xff", "e").error().code, Errc::invalid_argument);
  EXPECT_EQ(tracking_->create_run(std::string(251, 'x'), "e").error().code, Errc::too_large);
}

TEST_F(Runs, EndOnce) {
  const auto run = new_run();
  clock_.advance(Millis(250));
  ASSERT_TRUE(tracking_->finish_run(run, RunState::finished));
  EXPECT_EQ(tracking_->get(run)->run.ended, clock_.wall());
  EXPECT_TRUE(tracking_->finish_run(run, RunState::finished));
  const auto other = tracking_->finish_run(run, RunState::failed);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Errc::conflict);
  EXPECT_NE(other.error().message.find("finished"), std::string::npos);
  EXPECT_EQ(tracking_->finish_run(run, RunState::running).error().code, Errc::invalid_argument);
  EXPECT_EQ(tracking_->finish_run(ids_.next<RunTag>(), RunState::failed).error().code,
            Errc::not_found);
}

TEST_F(Runs, ListNewestFirstInPagesAndByExperimentOrJob) {
  std::vector<RunId> ids;
  for (int i = 0; i < 5; ++i) {
    clock_.advance(Millis(1));
    ids.push_back(new_run("run", i % 2 == 0 ? "even" : "odd"));
  }
  const auto of_job = tracking_->create_run("job's", "even", "job_1");
  ASSERT_TRUE(of_job);

  const auto first = tracking_->list({}, 4);
  ASSERT_TRUE(first) << describe(first.error());
  ASSERT_EQ(first->runs.size(), 4U);
  EXPECT_EQ(first->runs[0].id, of_job->id);
  EXPECT_EQ(first->runs[1].id, ids[4]);
  const auto second = tracking_->list({}, 4, first->next_cursor);
  ASSERT_EQ(second->runs.size(), 2U);
  EXPECT_EQ(second->runs[1].id, ids[0]);
  EXPECT_EQ(second->next_cursor, "");

  EXPECT_EQ(tracking_->list({.experiment = "odd"}, 10)->runs.size(), 2U);
  EXPECT_EQ(tracking_->list({.job_id = "job_1"}, 10)->runs.size(), 1U);
  EXPECT_EQ(tracking_->list({.experiment = "even"}, 2)->next_cursor, ids[4].str());
  EXPECT_TRUE(tracking_->list({.experiment = "none"}, 10)->runs.empty());
  EXPECT_EQ(tracking_->list({}, 4, "nonsense").error().code, Errc::invalid_argument);
}

TEST_F(Runs, AParameterIsWrittenOnce) {
  const auto run = new_run();
  ASSERT_TRUE(tracking_->log_params(run, std::vector<KeyValue>{{"lr", "0.1"}, {"dim", "16"}}));
  EXPECT_TRUE(tracking_->log_params(run, std::vector<KeyValue>{{"lr", "0.1"}}));

  const auto changed =
      tracking_->log_params(run, std::vector<KeyValue>{{"new", "1"}, {"lr", "0.2"}});

  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code, Errc::conflict);
  EXPECT_NE(changed.error().message.find("'0.1' and cannot become '0.2'"), std::string::npos)
      << changed.error().message;
  EXPECT_EQ(tracking_->get(run)->params, (std::vector<KeyValue>{{"dim", "16"}, {"lr", "0.1"}}))
      << "all of a call or nothing";
}

TEST_F(Runs, ATagMayChange) {
  const auto run = new_run();
  ASSERT_TRUE(tracking_->set_tags(run, std::vector<KeyValue>{{"phase", "warm-up"}}));
  ASSERT_TRUE(tracking_->set_tags(run, std::vector<KeyValue>{{"phase", "본 훈련"}, {"a", ""}}));
  EXPECT_EQ(tracking_->get(run)->tags, (std::vector<KeyValue>{{"a", ""}, {"phase", "본 훈련"}}));
}

TEST_F(Runs, KeysAndValuesAreBounded) {
  const auto run = new_run();
  const auto attempt = [&](const std::string& key, const std::string& value) {
    const auto param = tracking_->log_params(run, std::vector<KeyValue>{{key, value}});
    const auto tag = tracking_->set_tags(run, std::vector<KeyValue>{{key, value}});
    EXPECT_FALSE(param);
    EXPECT_FALSE(tag);
    return param ? Errc::internal : param.error().code;
  };
  EXPECT_EQ(attempt("", "v"), Errc::invalid_argument);
  EXPECT_EQ(attempt(std::string(251, 'k'), "v"), Errc::invalid_argument);
  EXPECT_EQ(attempt("line\nbreak", "v"), Errc::invalid_argument);
  EXPECT_EQ(attempt("bad\xff", "v"), Errc::invalid_argument);
  EXPECT_EQ(attempt("k", "bad\xff"), Errc::invalid_argument);
  EXPECT_EQ(attempt("k", std::string(8001, 'v')), Errc::too_large);
  EXPECT_TRUE(tracking_->log_params(
      run, std::vector<KeyValue>{{std::string(250, 'k'), std::string(8000, 'v')}}));

  std::vector<KeyValue> many;
  for (int i = 0; i < 5000; ++i) many.emplace_back("p" + std::to_string(i), "v");
  EXPECT_EQ(tracking_->log_params(run, many).error().code, Errc::too_large);
  EXPECT_EQ(tracking_->get(run)->params.size(), 1U);
  EXPECT_EQ(tracking_->log_params(ids_.next<RunTag>(), many).error().code, Errc::not_found);
}

TEST_F(Runs, ArtifactsAreListedByPathAndReplacedByPath) {
  const auto run = new_run();
  const Artifact model{.path = "out/model",
                       .kind = ArtifactKind::folder,
                       .manifest_sha256 = std::string(64, 'a'),
                       .size_bytes = 10};
  Artifact checkpoint{.path = "out/last",
                      .kind = ArtifactKind::checkpoint,
                      .manifest_sha256 = std::string(64, 'b'),
                      .size_bytes = 5};
  ASSERT_TRUE(tracking_->add_artifact(run, model));
  ASSERT_TRUE(tracking_->add_artifact(run, checkpoint));
  checkpoint.manifest_sha256 = std::string(64, 'c');
  clock_.advance(Millis(9));
  ASSERT_TRUE(tracking_->add_artifact(run, checkpoint));

  const auto found = tracking_->artifacts(run);
  ASSERT_TRUE(found) << describe(found.error());
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ((*found)[0].path, "out/last");
  EXPECT_EQ((*found)[0].manifest_sha256, std::string(64, 'c'));
  EXPECT_EQ((*found)[0].kind, ArtifactKind::checkpoint);
  EXPECT_EQ((*found)[0].created, clock_.wall());
  EXPECT_EQ((*found)[1].size_bytes, 10);
}

TEST_F(Runs, ArtifactsAreChecked) {
  const auto run = new_run();
  const auto attempt = [&](const std::string& path, const std::string& manifest) {
    const auto status = tracking_->add_artifact(run, {.path = path, .manifest_sha256 = manifest});
    EXPECT_FALSE(status);
    return status ? Errc::internal : status.error().code;
  };
  EXPECT_EQ(attempt("../x", std::string(64, 'a')), Errc::invalid_argument);
  EXPECT_EQ(attempt("/x", std::string(64, 'a')), Errc::invalid_argument);
  EXPECT_EQ(attempt("x", "short"), Errc::invalid_argument);
  EXPECT_EQ(tracking_
                ->add_artifact(ids_.next<RunTag>(),
                               {.path = "x", .manifest_sha256 = std::string(64, 'a')})
                .error()
                .code,
            Errc::not_found);
  EXPECT_EQ(tracking_->artifacts(ids_.next<RunTag>()).error().code, Errc::not_found);
}

TEST_F(Runs, ChangesAreTold) {
  const auto run = new_run();
  ASSERT_TRUE(tracking_->log_params(run, std::vector<KeyValue>{{"lr", "0.1"}}));
  ASSERT_TRUE(tracking_->finish_run(run, RunState::killed));
  ASSERT_TRUE(tracking_->finish_run(run, RunState::killed));
  EXPECT_EQ(
      count("select count(*) from events where kind = 'run' and subject = '" + run.str() + "'"), 3);
}

TEST(RunWords, ParseWhatTheyPrint) {
  for (const auto state :
       {RunState::running, RunState::finished, RunState::failed, RunState::killed})
    EXPECT_EQ(*parse_run_state(to_string(state)), state);
  EXPECT_FALSE(parse_run_state("FINISHED"));
  for (const auto kind : {ArtifactKind::file, ArtifactKind::folder, ArtifactKind::checkpoint})
    EXPECT_EQ(*parse_artifact_kind(to_string(kind)), kind);
  EXPECT_FALSE(parse_artifact_kind("directory"));
}

}  // namespace
}  // namespace galley::tracking
