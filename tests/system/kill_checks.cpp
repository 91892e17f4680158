#include "kill_checks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "process/child.h"

namespace galley::testing {
namespace {

constexpr std::int64_t kMaxLedgerBytes = 16 << 20;

/// The answer, or null with a failed expectation.
Json ask(support::ApiClient& client, const std::string& target) {
  auto answer = client.get(target);
  if (answer) return *std::move(answer);
  ADD_FAILURE() << target << ": " << describe(answer.error());
  return nullptr;
}

std::map<std::string, int, std::less<>> count_lines(const std::filesystem::path& file) {
  std::map<std::string, int, std::less<>> counts;
  const auto text = read_file(file, kMaxLedgerBytes);
  if (text)
    for (const std::string_view line : split(*text, '\n')) ++counts[std::string(line)];
  return counts;
}

std::string read_log(support::ApiClient& client, const std::string& job) {
  std::string log;
  const auto answer = client.http().stream(
      {.method = "GET", .target = "/api/v1/jobs/" + job + "/logs?offset=0&follow=1"},
      [&](std::string_view piece) {
        log += piece;
        return true;
      });
  EXPECT_TRUE(answer) << describe(answer.error());
  return log;
}

void check_printed(support::ApiClient& client, const WantedJob& job, const Json& record) {
  const std::string log = read_log(client, job.id);
  const std::string expected = expected_log(job.key);
  const auto differs = std::ranges::mismatch(log, expected).in1 - log.begin();
  EXPECT_TRUE(log == expected) << "the log of " << job.key << " has " << log.size()
                               << " bytes instead of " << expected.size()
                               << " and differs from byte " << differs;
  const Json answer = ask(client, "/api/v1/runs/" + record.at("run_id").get<std::string>() +
                                      "/metrics?key=loss&max_points=20000");
  if (answer.is_null()) return;
  EXPECT_EQ(answer.at("series").at(0).at("values"), Json(expected_losses()))
      << "the metrics of " << job.key;
}

void check_job(support::ApiClient& client, const WantedJob& job) {
  const Json record = ask(client, "/api/v1/jobs/" + job.id);
  if (record.is_null()) return;
  const bool sleeps = job.program == Program::sleeping;
  EXPECT_EQ(record.at("state"), sleeps ? "cancelled" : "succeeded") << record.dump();
  EXPECT_EQ(record.at("name"), job.key);
  if (sleeps)
    EXPECT_LE(record.at("attempts"), 1) << record.dump();
  else
    EXPECT_EQ(record.at("attempts"), 1) << record.dump();
  if (job.program == Program::printing) check_printed(client, job, record);
}

std::string query(const std::filesystem::path& database, const std::string& sql) {
  const auto output = process::run_child({"sqlite3", "-readonly", database.string(), sql},
                                         {.timeout = Millis{30'000}});
  if (!output) {
    ADD_FAILURE() << describe(output.error());
    return {};
  }
  EXPECT_EQ(output->exit_code, 0) << output->stderr_bytes;
  return std::string(trim(output->stdout_bytes));
}

}  // namespace

void check_jobs(support::ApiClient& client, const std::vector<WantedJob>& jobs,
                const JobFolders& folders) {
  const auto starts = count_lines(folders.ledger());
  std::set<std::string> ids;
  for (const WantedJob& job : jobs) {
    EXPECT_TRUE(ids.insert(job.id).second) << job.key << " shares the id " << job.id;
    check_job(client, job);
    const auto found = starts.find(job.key);
    const int ran = found == starts.end() ? 0 : found->second;
    if (job.program == Program::sleeping)
      EXPECT_LE(ran, 1) << job.key;
    else
      EXPECT_EQ(ran, 1) << job.key << " ran that often";
  }
  const auto violations = count_lines(folders.violations());
  EXPECT_TRUE(violations.empty()) << violations.begin()->first;
}

void check_points(support::ApiClient& client, const std::vector<MetricClient::Recorded>& runs) {
  for (const MetricClient::Recorded& run : runs) {
    if (run.acknowledged.empty()) continue;
    const Json answer =
        ask(client, "/api/v1/runs/" + run.id + "/metrics?key=loss&max_points=20000");
    if (answer.is_null()) continue;
    const Json& series = answer.at("series").at(0);
    std::map<std::int64_t, double> stored;
    for (std::size_t i = 0; i < series.at("steps").size(); ++i) {
      const auto step = series.at("steps").at(i).get<std::int64_t>();
      const auto value = series.at("values").at(i).get<double>();
      EXPECT_TRUE(stored.emplace(step, value).second)
          << run.id << " holds step " << step << " twice";
      const auto known = run.acknowledged.find(step);
      const auto maybe = run.unknown.find(step);
      EXPECT_TRUE((known != run.acknowledged.end() && known->second == value) ||
                  (maybe != run.unknown.end() && maybe->second == value))
          << run.id << " holds " << value << " at step " << step << ", which nobody sent";
    }
    for (const auto& [step, value] : run.acknowledged)
      EXPECT_TRUE(stored.contains(step)) << run.id << " lost step " << step;
  }
}

void check_frozen(support::ApiClient& client, const std::vector<FrozenFolder>& frozen) {
  for (const FrozenFolder& folder : frozen) {
    const Json snapshot = ask(client, "/api/v1/snapshots/" + folder.id);
    if (snapshot.is_null()) continue;
    EXPECT_EQ(snapshot.at("files").size(), folder.files.size());
    for (const auto& [path, bytes] : folder.files) {
      const auto blob =
          client.send({.method = "GET", .target = "/api/v1/blobs/" + sha256_hex(bytes)});
      ASSERT_TRUE(blob) << describe(blob.error());
      EXPECT_TRUE(blob->status == 200 && blob->body == bytes) << folder.id << " " << path;
    }
  }
}

void check_channel(support::ApiClient& client, const ChannelClient& channel) {
  const std::string where = "/api/v1/models/" + channel.model();
  std::vector<ChannelClient::Move> history;
  for (std::string cursor = "first"; !cursor.empty();) {
    const Json page = ask(client, where + "/history?limit=500&channel=" + channel.channel() +
                                      (cursor == "first" ? "" : "&cursor=" + cursor));
    if (page.is_null()) return;
    for (const Json& item : page.at("items"))
      history.insert(history.begin(), {item.at("generation").get<std::int64_t>(),
                                       item.at("snapshot_id").get<std::string>()});
    cursor = page.value("next_cursor", std::string());
  }
  ASSERT_FALSE(history.empty());
  for (std::size_t i = 0; i < history.size(); ++i)
    EXPECT_EQ(history[i].generation, static_cast<std::int64_t>(i) + 1) << "a gap in the history";
  std::size_t at = 0;
  for (const auto& move : channel.moves()) {
    while (at < history.size() && history[at] != move) ++at;
    ASSERT_LT(at, history.size()) << channel.channel() << " lost generation " << move.generation;
  }
  EXPECT_LE(history.size(),
            channel.moves().size() + static_cast<std::size_t>(channel.unknown_moves()));

  const Json model = ask(client, where);
  if (model.is_null()) return;
  const Json& pointer = model.at("channels").at(channel.channel());
  EXPECT_EQ(pointer.at("snapshot_id"), history.back().snapshot_id);
  EXPECT_EQ(pointer.at("generation"), history.back().generation);
  const auto answer = client.post(
      "/v1/predict",
      {{"model", channel.model() + ":" + channel.channel()}, {"text", "재미있는 영화"}});
  ASSERT_TRUE(answer) << describe(answer.error());
  EXPECT_EQ(answer->at("snapshot_id"), history.back().snapshot_id) << "served is another snapshot";
}

void check_tables(const std::filesystem::path& database, std::size_t jobs) {
  EXPECT_EQ(query(database, "pragma integrity_check"), "ok");
  EXPECT_EQ(query(database, "select count(*) from jobs"), std::to_string(jobs));
  EXPECT_EQ(query(database, "select count(*) from allocations where active = 1"), "0");
  EXPECT_EQ(query(database, "select count(*) from attempts where state = 'lost'"), "0");
  // An allocation is held from the attempt's creation until after its program's end.
  EXPECT_EQ(query(database,
                  "select count(*) from attempts a where (select sum(l.cpus) from attempts b "
                  "join allocations l on l.attempt_id = b.id where b.node_id = a.node_id and "
                  "b.created_ms <= a.created_ms and b.finished_ms > a.created_ms) > "
                  "(select cpus from nodes n where n.id = a.node_id)"),
            "0");
  EXPECT_EQ(query(database,
                  "select count(*) from allocations x join allocations y on x.device_id = "
                  "y.device_id and x.attempt_id < y.attempt_id join attempts a on a.id = "
                  "x.attempt_id join attempts b on b.id = y.attempt_id where a.created_ms < "
                  "b.finished_ms and b.created_ms < a.finished_ms"),
            "0");
  EXPECT_NE(query(database, "select count(*) from allocations where device_id is not null"), "0");
}

}  // namespace galley::testing
