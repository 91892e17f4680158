#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "installation.h"
#include "support/child.h"

namespace galley::testing {
namespace {

using process::ChildOutput;
using ::testing::HasSubstr;

/// One clear sentence: a line, not a stack of them, and nothing on stdout.
void expect_refused(const ChildOutput& output, int code, const std::vector<std::string>& words) {
  EXPECT_EQ(output.exit_code, code) << output.stderr_bytes;
  EXPECT_EQ(std::ranges::count(output.stderr_bytes, '\n'), 1) << output.stderr_bytes;
  for (const std::string& word : words) EXPECT_THAT(output.stderr_bytes, HasSubstr(word));
}

/// What can never run is refused in a sentence too, below what could run instead.
void expect_never(const ChildOutput& output, const std::vector<std::string>& words) {
  EXPECT_EQ(output.exit_code, 4) << output.stderr_bytes;
  EXPECT_EQ(output.stdout_bytes, "");
  const std::string_view said = trim(output.stderr_bytes);
  const std::string sentence(said.substr(said.rfind('\n') + 1));
  for (const std::string& word : words) EXPECT_THAT(sentence, HasSubstr(word));
}

class BadInput : public ::testing::Test {
 protected:
  ChildOutput submit(const std::string& text) {
    EXPECT_TRUE(write_file_atomic(installation_.work() / "job.yaml", text, Durability::memory));
    return installation_.galley({"submit", "job.yaml"});
  }

  void expect_nothing_queued() {
    auto client = installation_.client();
    const auto jobs = client.get("/api/v1/jobs");
    ASSERT_TRUE(jobs) << describe(jobs.error());
    EXPECT_TRUE(jobs->at("items").empty()) << jobs->dump();
  }

  Installation installation_;
};

/// What `galley up` says when it does not come up.
std::string refusal_of(const support::ServerOptions& options, int code = 1) {
  auto server = support::ServerProcess::begin(options);
  if (!server) return describe(server.error());
  const auto end = server->wait(Millis{10'000});
  if (!end) return describe(end.error());
  EXPECT_EQ(end->exit_code, code) << end->said;
  EXPECT_EQ(std::ranges::count(end->said, '\n'), 1) << end->said;
  return end->said;
}

std::string query(const std::filesystem::path& database, const std::string& sql) {
  const auto output = process::run_child({"sqlite3", database.string(), sql});
  EXPECT_TRUE(output && output->succeeded());
  return output ? output->stdout_bytes : std::string();
}

TEST_F(BadInput, MalformedAndWrongJobFilesAreRefusedWithTheirPlace) {
  installation_.start();
  expect_refused(submit("command: [echo, 'x\n"), 2, {"job.yaml"});
  expect_refused(submit("comand: [echo]\n"), 2, {"comand", "command"});
  expect_refused(submit("command: [echo]\nresources:\n  cpus: many\n"), 2, {"resources.cpus"});
  expect_never(submit("command: [echo]\nresources: {cpus: 100000}\n"),
               {"job.yaml:2: resources.cpus: found 100000", "1 to 4096"});
  expect_never(submit("command: [echo]\nresources: {gpus: 1000000000}\n"),
               {"job.yaml:2: resources.gpus: found 1000000000", "0 to 4096"});
  expect_never(submit("command: [echo]\nresources: {gpus: -1}\n"),
               {"job.yaml:2: resources.gpus: found -1", "0 to 4096"});
  expect_never(submit("command: [echo]\nresources: {nodes: 0}\n"),
               {"job.yaml:2: resources.nodes: found 0", "1 to 4096"});
  expect_refused(installation_.galley({"submit", "absent.yaml"}), 3, {"absent.yaml"});
  expect_nothing_queued();
}

TEST_F(BadInput, JobThatNoNodeCouldEverRunIsRefused) {
  installation_.start();
  expect_never(submit("command: [echo]\nresources: {cpus: 4096}\n"), {"4096"});
  expect_nothing_queued();
}

TEST_F(BadInput, ProgramThatDoesNotExistEndsTheJobWithTheShellsCode) {
  installation_.start();
  const ChildOutput output = installation_.galley({"run", "--", "/no/such/program"});
  EXPECT_EQ(output.exit_code, 127) << output.stderr_bytes;
  EXPECT_THAT(output.stdout_bytes + output.stderr_bytes, HasSubstr("/no/such/program"));
}

TEST_F(BadInput, UnknownNamesAreNotFound) {
  installation_.start();
  expect_refused(installation_.galley({"predict", "nosuch", "text"}), 3, {"nosuch"});
  expect_refused(installation_.galley({"deploy", "nosuch@1"}), 3, {"nosuch@1"});
  expect_refused(installation_.galley({"rollback", "nosuch"}), 3, {"nosuch"});
  expect_refused(installation_.galley({"show", "job_00000000000000000000000000"}), 3, {"job_000"});
  expect_refused(installation_.galley({"predcit"}), 2, {"predict"});
}

TEST_F(BadInput, NobodyThereIsSaidSo) {
  ASSERT_TRUE(make_folders(installation_.work()));
  expect_refused(installation_.galley({"jobs"}), 5, {"galley up"});
}

TEST_F(BadInput, PortInUseIsNamed) {
  installation_.start();
  const std::string address = installation_.server().url().substr(std::string("http://").size());
  const std::string said = refusal_of({.program = program("galley"),
                                       .data = installation_.folder() / "second",
                                       .arguments = {"--listen", address}});
  EXPECT_THAT(said, HasSubstr(address));
}

TEST_F(BadInput, DataFolderInUseNamesItsOwner) {
  installation_.start();
  const std::string said = refusal_of({.program = program("galley"), .data = installation_.data()});
  EXPECT_THAT(said, HasSubstr(std::to_string(installation_.server().pid())));
}

TEST_F(BadInput, ReadOnlyDataFolderIsSaidSo) {
  const auto folder = installation_.folder() / "readonly";
  ASSERT_TRUE(make_folders(folder));
  ASSERT_EQ(::chmod(installation_.folder().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(folder.c_str(), 0555), 0);
  const int status = as_nobody([&] {
    if (::access(program("galley").c_str(), X_OK) != 0) ::_exit(kNotPossible);
    const std::string said = refusal_of({.program = program("galley"), .data = folder / "data"});
    EXPECT_THAT(said, HasSubstr((folder / "data").string()));
    EXPECT_THAT(said, HasSubstr("ermission"));
  });
  if (status == kNotPossible) GTEST_SKIP() << "cannot run the program as another user here";
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(std::filesystem::exists(folder / "data"));
}

TEST_F(BadInput, SchemaOfANewerVersionIsLeftAlone) {
  installation_.start();
  ASSERT_TRUE(installation_.server().stop());
  const auto database = installation_.data() / "galley.db";
  query(database, "insert into schema_versions (number, name) values (9999, 'the future')");
  const std::string said = refusal_of({.program = program("galley"), .data = installation_.data()});
  EXPECT_THAT(said, HasSubstr("9999"));
  EXPECT_EQ(query(database, "select max(number) from schema_versions"), "9999\n");
}

TEST_F(BadInput, DatabaseOfSomethingElseIsLeftAlone) {
  ASSERT_TRUE(make_folders(installation_.data()));
  const auto database = installation_.data() / "galley.db";
  query(database, "create table holidays (day text)");
  const std::string said = refusal_of({.program = program("galley"), .data = installation_.data()});
  EXPECT_THAT(said, HasSubstr("galley.db"));
  EXPECT_EQ(query(database, "select count(*) from sqlite_master"), "1\n");
}

TEST_F(BadInput, EmptyDatabaseIsBroughtUpToDate) {
  ASSERT_TRUE(make_folders(installation_.data()));
  ASSERT_TRUE(write_file_atomic(installation_.data() / "galley.db", "", Durability::memory));
  installation_.start();
  EXPECT_EQ(installation_.galley({"jobs"}).exit_code, 0);
}

TEST_F(BadInput, CorruptBlobIsNamedAndFailsTheJobThatNeedsIt) {
  installation_.start();
  const std::string bytes = "some reviews\n";
  ASSERT_TRUE(write_file_atomic(installation_.work() / "reviews.tsv", bytes, Durability::memory));
  ASSERT_EQ(installation_.galley({"datasets", "push", "reviews", "reviews.tsv"}).exit_code, 0);
  const std::string name = sha256_hex(bytes);
  const auto blob = installation_.data() / "blobs" / name.substr(0, 2) / name;
  auto stored = read_file(blob, 1 << 20);
  ASSERT_TRUE(stored) << describe(stored.error());
  stored->back() = static_cast<char>(stored->back() ^ 1);
  std::filesystem::permissions(blob, std::filesystem::perms::owner_all);
  ASSERT_TRUE(write_file_atomic(blob, *stored, Durability::memory));

  auto client = installation_.client();
  const auto answer = client.send({.method = "GET", .target = "/api/v1/blobs/" + name});
  ASSERT_TRUE(answer) << describe(answer.error());
  EXPECT_EQ(answer->status, 500);
  EXPECT_THAT(answer->body, HasSubstr(name));
  const auto job =
      client.post("/api/v1/jobs", {{"command", {"true"}}, {"datasets", {"reviews@1"}}});
  ASSERT_TRUE(job) << describe(job.error());
  const auto end = client.wait_for_job(job->at("id"), Millis{20'000});
  ASSERT_TRUE(end) << describe(end.error());
  EXPECT_EQ(end->at("state"), "failed");
  EXPECT_THAT(end->at("reason").get<std::string>(), HasSubstr(name));
}

TEST_F(BadInput, DiskWithoutRoomForTheDatabaseIsSaidSo) {
  const auto disk = installation_.folder() / "disk";
  ASSERT_TRUE(make_folders(disk));
  const int status = with_small_disk(disk, "32k", [&] {
    const std::string said = refusal_of({.program = program("galley"), .data = disk / "data"});
    EXPECT_THAT(said, ::testing::AnyOf(HasSubstr("No space left"), HasSubstr("disk is full")));
  });
  if (status == kNotPossible) GTEST_SKIP() << "mounting is not permitted here";
  EXPECT_EQ(status, 0);
}

/// Fills the disk to its last block.
void fill(const std::filesystem::path& file) {
  const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  for (const std::size_t size : {std::size_t{65'536}, std::size_t{4096}})
    while (write_all(fd.get(), std::string(size, 'x'))) {
    }
}

TEST_F(BadInput, FullDiskRefusesJobsUntilThereIsRoomAgain) {
  const auto disk = installation_.folder() / "disk";
  ASSERT_TRUE(make_folders(disk));
  const int status = with_small_disk(disk, "24m", [&] {
    auto server =
        support::ServerProcess::start({.program = program("galley"), .data = disk / "data"});
    ASSERT_TRUE(server) << describe(server.error());
    auto client = support::ApiClient::open(server->url(), server->token());
    ASSERT_TRUE(client);
    fill(disk / "filler");
    const Json job{{"command", {"true"}}, {"start_at", "2100-01-01T00:00Z"}};
    std::optional<Error> refusal;  // the log of the database has some room of its own at first
    for (int i = 0; i < 20'000 && !refusal; ++i)
      if (auto answer = client->post("/api/v1/jobs", job); !answer) refusal = answer.error();
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->code, Errc::exhausted) << describe(*refusal);
    const auto health = client->send({.method = "GET", .target = "/healthz"});
    EXPECT_TRUE(health && health->status == 200);

    ASSERT_TRUE(std::filesystem::remove(disk / "filler"));
    const auto accepted = client->post("/api/v1/jobs", job);
    EXPECT_TRUE(accepted) << describe(accepted.error());
    EXPECT_TRUE(server->stop());
  });
  if (status == kNotPossible) GTEST_SKIP() << "mounting is not permitted here";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace galley::testing
