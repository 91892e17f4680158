#include <atomic>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "fixture.h"

namespace galley::cli::testing {
namespace {

class JobsTest : public ClientTest {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    const auto path = home / name;
    EXPECT_TRUE(write_file_atomic(path, text, Durability::memory));
    return path.string();
  }
};

TEST_F(JobsTest, SubmitPrintsTheIdAndNotesTheRest) {
  answer("POST", "/api/v1/jobs", job_record("queued", 0), 201);
  const auto done =
      galley({"submit", write("job.yaml", "command: [python3, x.py]\nresources: {cpus: 2}\n"),
              "--name", "mine"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, kJobId + "\n");
  EXPECT_THAT(done.err, HasSubstr("galley logs -f " + kJobId));
  const auto sent = requests();
  ASSERT_FALSE(sent.empty());
  EXPECT_THAT(sent[0], HasSubstr(R"("name":"mine")"));
  EXPECT_THAT(sent[0], HasSubstr(R"("resources":{"cpus":2})"));
}

TEST_F(JobsTest, SubmitRefusesAWrongFileWithoutAskingTheServer) {
  const std::string path = write("job.yaml", "kind: job\ncommand: [a]\nresources:\n  gpu: 1\n");
  const auto done = galley({"submit", path});
  EXPECT_EQ(done.code, 2);
  EXPECT_EQ(done.out, "");
  EXPECT_EQ(done.err, path + ":4: resources.gpu: unknown field; did you mean resources.gpus?\n");
  EXPECT_TRUE(requests().empty());
  EXPECT_EQ(galley({"submit", (home / "absent.yaml").string()}).code, 3);
}

TEST_F(JobsTest, SubmitPutsTheServersComplaintOnTheLine) {
  answer(
      "POST", "/api/v1/jobs",
      {{"type", "unsupported"}, {"detail", "no node has 4096 GPUs"}, {"field", "resources.gpus"}},
      422);
  const std::string path = write("job.yaml", "command: [a]\nresources:\n  gpus: 4096\n");
  const auto done = galley({"submit", path});
  EXPECT_EQ(done.code, 1);
  EXPECT_EQ(done.err, path + ":3: resources.gpus: no node has 4096 GPUs\n");
}

TEST_F(JobsTest, SubmitWaitReturnsTheJobsOwnCode) {
  answer("POST", "/api/v1/jobs", job_record("queued", 0), 201);
  answer("GET", "/api/v1/jobs/{id}/events", {{"items", Json::array()}});
  answer("GET", "/api/v1/jobs/{id}", job_record("failed"));
  const auto done = galley({"submit", "--wait", write("job.json", "{\"command\": [\"a\"]}")});
  EXPECT_EQ(done.code, 3);
  EXPECT_EQ(done.out, kJobId + "\n");
  EXPECT_EQ(done.err, kJobId + " failed: exit code 3\n");
}

TEST_F(JobsTest, WaitingIsDrivenByEvents) {
  std::atomic<bool> ended = false;
  answer("POST", "/api/v1/jobs", job_record("queued", 0), 201);
  answer("GET", "/api/v1/jobs/{id}/events",
         {{"items", {{{"seq", 41}, {"kind", "job"}}, {{"seq", 40}, {"kind", "job"}}}}});
  handle("GET", "/api/v1/jobs/{id}", [&](const auto&) {
    return http::Response::json(dump_json(job_record(ended ? "succeeded" : "running")));
  });
  handle("GET", "/api/v1/events", [&](const http::Request& request) {
    EXPECT_EQ(request.query_value("after"), "41");
    ended = true;
    return http::Response::text("id: 42\nevent: job\ndata: {\"seq\":42,\"subject\":\"" + kJobId +
                                "\"}\n\n");
  });
  const auto done = galley({"submit", "-w", write("job.json", "{\"command\": [\"a\"]}")});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.err, HasSubstr("succeeded"));
}

TEST_F(JobsTest, RunDetachedSendsTheFolderAndTheCommandUntouched) {
  answer("POST", "/api/v1/jobs", job_record("queued", 0), 201);
  const auto done = galley({"run", "--detach", "--gpus", "1", "--memory", "2GiB", "-e", "A=b=c",
                            "--", "sh", "-c", "exit 3", "--", "--json"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, kJobId + "\n");
  const auto sent = parse_json(requests().at(0).substr(std::string("POST /api/v1/jobs ").size()));
  ASSERT_TRUE(sent);
  EXPECT_EQ((*sent)["command"], Json::array({"sh", "-c", "exit 3", "--", "--json"}));
  EXPECT_EQ((*sent)["workdir"], std::filesystem::current_path().string());
  EXPECT_EQ((*sent)["env"]["A"], "b=c");
  EXPECT_EQ((*sent)["resources"]["memory"], "2GiB");
}

TEST_F(JobsTest, RunWithoutAProgramOrWithAWrongOptionIsWrongUsage) {
  EXPECT_EQ(galley({"run"}).code, 2);
  EXPECT_EQ(galley({"run", "--cpus", "0", "--", "true"}).code, 2);
  EXPECT_THAT(galley({"run", "--class", "urgnt", "--", "true"}).err,
              HasSubstr("did you mean urgent?"));
  EXPECT_TRUE(requests().empty());
}

TEST_F(JobsTest, ListsAsATableThatFitsOrAsJson) {
  answer("GET", "/api/v1/jobs", {{"items", {job_record("running"), job_record("failed")}}});
  const auto table =
      galley({"jobs", "--state", "running,failed", "--filter", "gpus > 0 or cpus > 1"});
  EXPECT_EQ(table.code, 0);
  EXPECT_THAT(table.out, HasSubstr(kJobId + "  train"));
  EXPECT_THAT(table.out, HasSubstr("exit code 3"));
  EXPECT_THAT(requests().at(0),
              HasSubstr("filter=" +
                        http::percent_encode(
                            "(state in (\"running\", \"failed\")) and (gpus > 0 or cpus > 1)")));
  ::setenv("COLUMNS", "60", 1);
  for (const auto& line : {galley({"jobs"}).out}) EXPECT_LE(line.find('\n'), 60U);
  const auto json = parse_json(galley({"jobs", "--json"}).out);
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["items"].size(), 2U);
  EXPECT_EQ(galley({"jobs", "--watch", "--json"}).code, 2);
  EXPECT_EQ(galley({"jobs", "--state", "gone"}).code, 2);
}

TEST_F(JobsTest, FollowsTheCursorUpToTheLimit) {
  handle("GET", "/api/v1/jobs", [](const http::Request& request) {
    Json page{{"items", Json::array()}};
    const int count = std::stoi(std::string(*request.query_value("limit")));
    for (int i = 0; i < std::min(count, 500); ++i) page["items"].push_back(job_record("queued", 0));
    page["next_cursor"] = "next";
    return http::Response::json(dump_json(page));
  });
  const auto json = parse_json(galley({"jobs", "--json", "--limit", "700"}).out);
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["items"].size(), 700U);
  EXPECT_EQ((*json)["next_cursor"], "next");
}

TEST_F(JobsTest, ShowQuotesTheCommandAndListsAttempts) {
  Json job = job_record("failed");
  job["attempt_list"] = {
      {{"number", 1}, {"state", "lost"}, {"reason", "node died"}, {"log_bytes", 10}}};
  answer("GET", "/api/v1/jobs/{id}", job);
  const auto done = galley({"show", kJobId});
  EXPECT_EQ(done.code, 0);
  EXPECT_THAT(done.out, HasSubstr("command    python3 'a b.py'"));
  EXPECT_THAT(done.out, HasSubstr("node died"));
}

TEST_F(JobsTest, NamesAJobByLastOrByAPartOfItsId) {
  Json other = job_record("queued");
  other["id"] = "job_01hzzzzzzzzzzzzzzzzzaaaaaa";
  answer("GET", "/api/v1/jobs", {{"items", {job_record("queued"), other}}});
  answer("GET", "/api/v1/jobs/{id}/why",
         {{"summary", "waits for a GPU"}, {"lines", {"one is free at 9"}}});
  EXPECT_EQ(galley({"why", "last"}).out, "waits for a GPU\n  one is free at 9\n");
  EXPECT_EQ(galley({"why", "zaaaaaa"}).code, 0);
  const auto vague = galley({"why", "job_01hzzz"});
  EXPECT_EQ(vague.code, 2);
  EXPECT_THAT(vague.err, HasSubstr("fits 2 jobs"));
  EXPECT_EQ(galley({"why", "qqqqqqqq"}).code, 3);
  EXPECT_EQ(galley({"why", "abc"}).code, 2);
}

TEST_F(JobsTest, CancelGoesOnAfterOneThatHasEnded) {
  handle("POST", "/api/v1/jobs/{id}/cancel", [](const http::Request& request) {
    if (request.param("id").ends_with("a"))
      return http::problem({Errc::conflict, "job has ended"}, request.id);
    return http::Response::json(dump_json(job_record("cancelling")));
  });
  const auto done = galley({"cancel", "job_01hzzzzzzzzzzzzzzzzzaaaaaa", kJobId});
  EXPECT_EQ(done.code, 1);
  EXPECT_EQ(done.out, kJobId + "  cancelling\n");
  EXPECT_EQ(done.err, "job has ended\n");
}

TEST_F(JobsTest, NodesShowWhatIsGivenAway) {
  answer("GET", "/api/v1/nodes",
         {{"items",
           {{{"id", "node_1"},
             {"name", "gpu1"},
             {"state", "up"},
             {"cpus", 8},
             {"cpus_allocated", 2},
             {"memory_bytes", 1 << 30},
             {"devices", {{{"index", 0}, {"model", "H100"}, {"job_id", kJobId}}}}}}}});
  EXPECT_THAT(galley({"nodes"}).out, HasSubstr("2/8"));
  EXPECT_THAT(galley({"node", "show", "gpu1"}).out, HasSubstr("H100"));
  EXPECT_EQ(galley({"nodes", "show", "gpu2"}).code, 3);
}

}  // namespace
}  // namespace galley::cli::testing
