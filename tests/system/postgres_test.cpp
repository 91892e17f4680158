// An installation on PostgreSQL, and the tools that move its records.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "base/file.h"
#include "base/json.h"
#include "installation.h"
#include "support/postgres/shared_server.h"

namespace galley::testing {
namespace {

using ::testing::HasSubstr;

std::string submit(support::ApiClient& client, const std::string& command) {
  const auto job = client.post("/api/v1/jobs", {{"name", "x"}, {"command", {"sh", "-c", command}}});
  EXPECT_TRUE(job) << describe(job.error());
  return job ? job->at("id").get<std::string>() : std::string();
}

/// What the command line says of a mistake, on one line.
std::string refused(const Installation& site, std::vector<std::string> arguments, int code) {
  const auto output = site.galley(std::move(arguments));
  EXPECT_EQ(output.exit_code, code) << output.stderr_bytes;
  EXPECT_EQ(std::ranges::count(output.stderr_bytes, '\n'), 1) << output.stderr_bytes;
  return output.stderr_bytes;
}

process::ChildOutput done(const Installation& site, std::vector<std::string> arguments) {
  auto output = site.galley(std::move(arguments));
  EXPECT_EQ(output.exit_code, 0) << output.stderr_bytes;
  return output;
}

TEST(PostgresSystem, KilledAndStartedAgainLosesNothing) {
  Installation site;
  const std::string url = fresh_database();
  site.start({"--database", url});
  std::set<std::string> jobs;
  for (int round = 0; round < 3; ++round) {
    auto client = site.client();
    for (int i = 0; i < 10; ++i) jobs.insert(submit(client, "exit 0"));
    const std::string running = submit(client, "sleep 1; echo still here");
    jobs.insert(running);
    site.server().kill();
    site.start({"--database", url});
  }
  auto client = site.client();
  for (const std::string& job : jobs)
    EXPECT_TRUE(eventually([&] { return state_of(client, job) == "succeeded"; }))
        << job << ": " << state_of(client, job);
  EXPECT_FALSE(std::filesystem::exists(site.data() / "galley.db")) << "all of it is in PostgreSQL";
}

TEST(PostgresSystem, ADatabaseThatRestartsUnderLoadIsUsedAgain) {
  Installation site;
  auto server = support::PostgresServer::start({.durable = true});
  ASSERT_TRUE(server) << describe(server.error());
  const auto url = server->make_database("galley");
  ASSERT_TRUE(url);
  site.start({"--database", *url});
  auto client = site.client();
  std::vector<std::string> jobs;
  for (int i = 0; i < 5; ++i) jobs.push_back(submit(client, "exit 0"));
  ASSERT_TRUE(server->crash());
  std::jthread asking([&] {
    const std::string key = "asked-while-it-was-away";
    EXPECT_TRUE(eventually([&] {  // a write waits for some seconds, then it is refused
      const auto job = client.post("/api/v1/jobs", {{"name", "x"}, {"command", {"true"}}}, key);
      if (job) jobs.push_back(job->at("id").get<std::string>());
      return job.has_value();
    }));
  });
  EXPECT_TRUE(server->restart());
  asking.join();
  for (const std::string& job : jobs)
    EXPECT_TRUE(eventually([&] { return state_of(client, job) == "succeeded"; }))
        << job << ": " << state_of(client, job);
  site.server().kill();
}

TEST(PostgresSystem, AGrownInstallationMovesThereAndBack) {
  Installation site;
  site.start();
  ASSERT_TRUE(make_folders(site.work() / "model"));
  ASSERT_TRUE(write_file_atomic(site.work() / "model" / "weights", std::string(100'000, 'w'),
                                Durability::memory));
  {
    auto client = site.client();
    const auto job = submit(client, "echo galley:: step=1 loss=0.5");
    ASSERT_TRUE(eventually([&] { return state_of(client, job) == "succeeded"; }));
  }
  done(site, {"snapshots", "create", "reviews", "model"});
  const std::string own = "sqlite:" + (site.data() / "galley.db").string();
  const std::string url = fresh_database();
  EXPECT_THAT(refused(site, {"store", "copy", "--from", own, "--to", url}, 1),
              HasSubstr("in use by process"));
  ASSERT_TRUE(site.server().stop());

  done(site, {"store", "copy", "--from", own, "--to", url});
  EXPECT_THAT(refused(site, {"store", "copy", "--from", own, "--to", url}, 1),
              HasSubstr("not empty"));
  site.start({"--database", url});
  {
    auto client = site.client();
    const auto jobs = client.get("/api/v1/jobs");
    ASSERT_TRUE(jobs) << describe(jobs.error());
    EXPECT_EQ(jobs->at("items").size(), 1U);
    const auto job = submit(client, "exit 0");
    EXPECT_TRUE(eventually([&] { return state_of(client, job) == "succeeded"; }));
  }
  const std::string backup = site.folder() / "backup";
  done(site, {"store", "backup", "--from", url, "--data", site.data().string(), "--to", backup});
  ASSERT_TRUE(site.server().stop());

  const std::string fresh = site.folder() / "fresh";
  done(site, {"store", "restore", "--from", backup, "--data", fresh});
  const auto checked = done(site, {"store", "check", "--data", fresh});
  EXPECT_THAT(checked.stdout_bytes, HasSubstr("sound"));
  EXPECT_THAT(checked.stdout_bytes, HasSubstr("jobs                            2"));
  EXPECT_EQ(*read_file(std::filesystem::path(fresh) / "token", 100),
            *read_file(site.data() / "token", 100));
  EXPECT_THAT(done(site, {"store", "check", "--from", url}).stdout_bytes, HasSubstr("postgresql"));
}

TEST(StoreTools, ADamagedBackupIsNamed) {
  Installation site;
  site.start();
  ASSERT_TRUE(make_folders(site.work() / "model"));
  ASSERT_TRUE(write_file_atomic(site.work() / "model" / "weights", std::string(100'000, 'w'),
                                Durability::memory));
  done(site, {"snapshots", "create", "reviews", "model"});
  const std::filesystem::path backup = site.folder() / "backup";
  const std::string data = site.data();
  done(site, {"store", "backup", "--data", data, "--to", backup.string()});  // while it runs
  ASSERT_TRUE(site.server().stop());

  EXPECT_THAT(refused(site, {"store", "backup", "--data", data, "--to", backup.string()}, 1),
              HasSubstr("not an empty folder"));
  EXPECT_THAT(refused(site, {"store", "restore", "--from", backup.string(), "--data", data}, 1),
              HasSubstr("not empty"));
  EXPECT_THAT(refused(site, {"store", "restore", "--from", data, "--data", "new"}, 1),
              HasSubstr("no complete backup"));
  EXPECT_THAT(refused(site, {"store", "check", "--from", "sqlite:absent.db"}, 1),
              HasSubstr("there is no database absent.db"));
  EXPECT_THAT(refused(site, {"store", "check", "--from", "mysql://u:secret@h/d"}, 2),
              HasSubstr("not the address of a database"));

  for (const auto& entry : std::filesystem::recursive_directory_iterator(backup / "blobs"))
    if (entry.is_regular_file() && entry.file_size() > 0) {
      std::filesystem::remove(entry.path());
      break;
    }
  EXPECT_THAT(refused(site, {"store", "restore", "--from", backup.string(), "--data", "other"}, 1),
              HasSubstr("not all there"));
  const auto list = *read_file(backup / "backup.json", 1 << 20);
  ASSERT_TRUE(write_file_atomic(backup / "backup.json", list.substr(0, list.size() / 2),
                                Durability::memory));
  EXPECT_THAT(refused(site, {"store", "restore", "--from", backup.string(), "--data", "third"}, 1),
              HasSubstr("damaged"));
}

}  // namespace
}  // namespace galley::testing
