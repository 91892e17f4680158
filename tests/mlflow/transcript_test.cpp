// Whole sessions of MLflow's clients against a real `galley up`, and what a job's script can do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../system/installation.h"
#include "base/file.h"
#include "base/text.h"
#include "transcript.h"

namespace galley::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kMaxTranscriptBytes = 4 << 20;

class MlflowServer : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_NO_FATAL_FAILURE(site_.start()); }

  void play(const std::string& name, std::size_t at_least) {
    const auto text = read_file(
        std::filesystem::path(GALLEY_SOURCE_DIR) / "tests/mlflow/transcripts" / (name + ".json"),
        kMaxTranscriptBytes);
    ASSERT_TRUE(text);
    const auto transcript = parse_json(*text);
    ASSERT_TRUE(transcript);
    auto client = site_.client();
    EXPECT_GE(mlflow::TranscriptPlayer(client.http()).play(*transcript), at_least);
  }
  Installation site_;
};

TEST_F(MlflowServer, ServesAClientOfVersion2) { play("client_2", 60); }
TEST_F(MlflowServer, ServesAClientOfVersion3) { play("client_3", 25); }
TEST_F(MlflowServer, KeepsTheProtocolsRules) { play("rules", 40); }

TEST_F(MlflowServer, AJobsScriptLogsToItsOwnRunAndToNoOther) {
  if (std::system("command -v python3 > /dev/null") != 0) GTEST_SKIP() << "there is no python3";
  auto client = site_.client();
  const auto other = client.post("/api/2.0/mlflow/runs/create", Json{{"run_name", "other"}});
  ASSERT_TRUE(other) << describe(other.error());
  const auto foreign = other->at("run").at("info").at("run_id").get<std::string>();
  const auto job = client.post(
      "/api/v1/jobs",
      {{"name", "script"},
       {"command", {"python3", GALLEY_SOURCE_DIR "/tests/mlflow/job_script.py", foreign}}});
  ASSERT_TRUE(job) << describe(job.error());
  const auto id = job->at("id").get<std::string>();
  const auto ended = client.wait_for_job(id, Millis{30'000});
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->at("state"), "succeeded") << log_from(client, id, 0);

  const auto run_id = ended->at("run_id").get<std::string>();
  const auto run = client.get("/api/v1/runs/" + run_id);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->at("state"), "finished") << "the job's end and its client's agree";
  EXPECT_EQ(run->at("params").at("lr"), "0.1");
  EXPECT_EQ(run->at("tags").at("kind"), "script");
  const auto found = client.post(
      "/api/2.0/mlflow/runs/search",
      {{"experiment_ids", {"1"}}, {"filter", "tags.mlflow.parentRunId = '" + run_id + "'"}});
  ASSERT_TRUE(found) << describe(found.error());
  ASSERT_EQ(found->at("runs").size(), 1U);
  EXPECT_EQ(found->at("runs")[0]["info"]["status"], "FINISHED")
      << "what a job leaves running ends with it";
  const auto bytes = client.send(
      {.target = "/api/2.0/mlflow-artifacts/artifacts/1/" + run_id + "/artifacts/out/model.bin"});
  ASSERT_TRUE(bytes);
  EXPECT_EQ(bytes->body, std::string(3 << 20, 'w'));
}

TEST_F(MlflowServer, LargeArtifactsAreKeptOnDiskAndComeBackWhole) {
  auto client = site_.client();
  const auto made = client.post("/api/2.0/mlflow/runs/create", Json{{"run_name", "large"}});
  ASSERT_TRUE(made);
  const auto run = made->at("run").at("info").at("run_id").get<std::string>();
  std::string bytes(40 << 20, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>((i * 2654435761U) >> 24U);
  const std::string target = "/api/2.0/mlflow-artifacts/artifacts/0/" + run + "/artifacts/big.bin";
  const auto put = client.send({.method = "PUT", .target = target, .body = bytes});
  ASSERT_TRUE(put);
  ASSERT_EQ(put->status, 200) << put->body;
  std::string whole;
  const auto got = client.http().stream({.target = target}, [&](std::string_view piece) {
    whole += piece;
    return true;
  });
  ASSERT_TRUE(got);
  EXPECT_EQ(sha256_hex(whole), sha256_hex(bytes));
  http::Headers range;
  range.set("Range", "bytes=4194300-12582920");
  const auto part = client.send({.target = target, .headers = range});
  ASSERT_TRUE(part);
  EXPECT_EQ(part->status, 206);
  EXPECT_EQ(part->body, bytes.substr(4194300, 12582921 - 4194300));
  EXPECT_TRUE(std::filesystem::is_empty(site_.data() / "uploads")) << "nothing is left behind";
}

TEST_F(MlflowServer, TakesTokensAsPasswordsAndTellsStrangersNothing) {
  const auto token = read_file(site_.data() / "token", 1000);
  ASSERT_TRUE(token);
  auto stranger = http::Client::open({.server = site_.server().url()});
  ASSERT_TRUE(stranger);
  const auto ask = [&](const std::string& authorization) {
    http::Headers headers;
    if (!authorization.empty()) headers.set("Authorization", authorization);
    const auto answer = (*stranger)->send(
        {.target = "/api/2.0/mlflow/experiments/get?experiment_id=0", .headers = headers});
    EXPECT_TRUE(answer);
    return answer ? *answer : http::Response{};
  };
  const auto basic = [](const std::string& user, const std::string& password) {
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::string plain = user + ":" + password;
    std::string coded;
    for (std::size_t i = 0; i < plain.size(); i += 3) {
      std::uint32_t bits = 0;
      for (std::size_t j = 0; j < 3; ++j)
        bits = bits << 8U | (i + j < plain.size() ? static_cast<unsigned char>(plain[i + j]) : 0U);
      for (std::size_t j = 0; j < 4; ++j)
        coded += i + j > plain.size() ? '=' : kDigits[(bits >> (18U - 6U * j)) & 63U];
    }
    return "Basic " + coded;
  };
  const auto refused = ask("");
  EXPECT_EQ(refused.status, 401);
  EXPECT_THAT(refused.body, HasSubstr("UNAUTHENTICATED"));
  EXPECT_EQ(ask(basic("anyone", "wrong-password-0123")).status, 401);
  EXPECT_EQ(ask(basic("anyone", std::string(trim(*token)))).status, 200);
  EXPECT_EQ(ask("Bearer " + std::string(trim(*token))).status, 200);
}

}  // namespace
}  // namespace galley::testing
