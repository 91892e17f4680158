#include "kill_clients.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "blobs/manifest.h"

namespace galley::testing {
namespace {

constexpr int kRunsAtMost = 8;
constexpr int kPointsAtMost = 6;
constexpr int kPerRound = 8;  // of metric batches, data sets and moves

// $0 is the job's key. The folder of a GPU exists while a job holds it: a second one there is a
// double allocation, seen by the jobs themselves.
constexpr const char* kPrintingScript = R"(
echo "$0" >> "$LEDGER"
gpu=$CUDA_VISIBLE_DEVICES
if [ -n "$gpu" ]; then mkdir "$FOLDER/$gpu" || echo "$0 shares $gpu" >> "$VIOLATIONS"; fi
i=0
while [ $i -lt 20 ]; do
  seq -f "$0 line $i.%g of a stream" 1 20
  echo "galley:: step=$i loss=$i.25"
  [ $((i % 5)) = 0 ] && sleep 0.02
  i=$((i+1))
done
[ -n "$gpu" ] && rmdir "$FOLDER/$gpu"
true
)";

std::string random_bytes(std::mt19937_64& random, std::size_t count) {
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

}  // namespace

void LoadClient::complain_unless_gone(const std::string& what, const Error& error) {
  const bool gone = error.code == Errc::unavailable || error.code == Errc::timeout ||
                    error.code == Errc::corrupt;  // an answer that was cut off
  if (!gone) complaints_.push_back(what + ": " + describe(error));
}

std::string expected_log(const std::string& key) {
  std::string log;
  for (int step = 0; step < kPrintedSteps; ++step) {
    for (int line = 1; line <= 20; ++line)
      log += fmt::format("{} line {}.{} of a stream\n", key, step, line);
    log += fmt::format("galley:: step={} loss={}.25\n", step, step);
  }
  return log;
}

std::vector<double> expected_losses() {
  std::vector<double> losses;
  for (int step = 0; step < kPrintedSteps; ++step) losses.push_back(step + 0.25);
  return losses;
}

WantedJob JobClient::make_job() {
  WantedJob job{.key = fmt::format("{}-{}", name_, jobs_.size())};
  const auto dice = random_() % 10;
  job.program = dice < 6 ? Program::quick : dice < 9 ? Program::printing : Program::sleeping;
  job.wants_gpu = job.program == Program::printing && random_() % 2 == 0;
  return job;
}

Status JobClient::submit(support::ApiClient& client, WantedJob& job) {
  const char* script = job.program == Program::quick      ? "echo \"$0\" >> \"$LEDGER\""
                       : job.program == Program::printing ? kPrintingScript
                                                          : "echo \"$0\" >> \"$LEDGER\"; sleep 600";
  const Json body{{"name", job.key},
                  {"command", {"/bin/sh", "-c", script, job.key}},
                  {"resources", {{"cpus", 1}, {"gpus", job.wants_gpu ? 1 : 0}}},
                  {"grace", "1s"},
                  {"env",
                   {{"LEDGER", folders_.ledger().string()},
                    {"VIOLATIONS", folders_.violations().string()},
                    {"FOLDER", folders_.root.string()}}}};
  GALLEY_TRY(const Json record, client.post("/api/v1/jobs", body, job.key));
  job.id = record.at("id").get<std::string>();
  return ok();
}

Status JobClient::cancel(support::ApiClient& client, WantedJob& job) {
  const auto answer = client.post("/api/v1/jobs/" + job.id + "/cancel", Json::object());
  // A conflict: it had ended, by an earlier request of ours whose answer was lost.
  if (!answer && answer.error().code != Errc::conflict) return answer.error();
  job.cancelled = true;
  return ok();
}

Status JobClient::catch_up(support::ApiClient& client, bool cancel_all) {
  for (WantedJob& job : jobs_) {
    if (job.id.empty()) GALLEY_TRY_STATUS(submit(client, job));
    const bool cancels = cancel_all || random_() % 2 == 0;
    if (job.program == Program::sleeping && !job.cancelled && cancels)
      GALLEY_TRY_STATUS(cancel(client, job));
  }
  return ok();
}

void JobClient::work(support::ApiClient& client, const std::atomic<bool>& over) {
  constexpr int kJobsPerRound = 7;
  if (auto status = catch_up(client, false); !status)
    return complain_unless_gone("catching up with jobs", status.error());
  for (int i = 0; i < kJobsPerRound && !over; ++i) {
    jobs_.push_back(make_job());
    if (auto status = submit(client, jobs_.back()); !status)
      return complain_unless_gone("submitting " + jobs_.back().key, status.error());
  }
}

Status JobClient::finish(support::ApiClient& client) { return catch_up(client, true); }

void MetricClient::work(support::ApiClient& client, const std::atomic<bool>& over) {
  if (runs_.size() < kRunsAtMost) {
    const auto run = client.post("/api/v1/runs", {{"name", fmt::format("api-{}", runs_.size())}});
    if (!run) return complain_unless_gone("making a run", run.error());
    runs_.push_back({.id = run->at("id").get<std::string>()});
  }
  Recorded& run = runs_[random_() % runs_.size()];
  for (int i = 0; i < kPerRound && !over; ++i) {
    Json points = Json::array();
    std::map<std::int64_t, double> batch;
    auto step = static_cast<std::int64_t>(run.acknowledged.size() + run.unknown.size());
    for (std::uint64_t left = 1 + random_() % kPointsAtMost; left > 0; --left, ++step) {
      batch[step] = static_cast<double>(random_() % 1'000'000) / 64;
      points.push_back({{"key", "loss"}, {"step", step}, {"value", batch[step]}});
    }
    const auto answer = client.post("/api/v1/runs/" + run.id + "/metrics", {{"points", points}});
    (answer ? run.acknowledged : run.unknown).merge(batch);
    if (!answer) return complain_unless_gone("reporting metrics", answer.error());
  }
}

Result<FrozenFolder> push_folder(support::ApiClient& client, const std::string& target,
                                 std::map<std::string, std::string> files) {
  blobs::Manifest manifest;
  for (const auto& [path, bytes] : files) {
    const std::string name = sha256_hex(bytes);
    GALLEY_TRY_STATUS(client.put_bytes("/api/v1/blobs/" + name, bytes));
    manifest.files.push_back({path, static_cast<std::int64_t>(bytes.size()), false, name, {name}});
  }
  GALLEY_TRY(const Json json, parse_json(print_manifest(manifest)));
  GALLEY_TRY(const Json snapshot, client.post(target, {{"manifest", json}}));
  return FrozenFolder{snapshot.at("id").get<std::string>(), std::move(files)};
}

void DatasetClient::work(support::ApiClient& client, const std::atomic<bool>& over) {
  constexpr std::size_t kBytesAtMost = 60'000;
  for (int i = 0; i < kPerRound && !over; ++i) {
    std::map<std::string, std::string> files;
    files["a.bin"] = random_bytes(random_, 1 + random_() % kBytesAtMost);
    files["folder/b.bin"] = random_bytes(random_, 1 + random_() % kBytesAtMost);
    auto frozen = push_folder(client, "/api/v1/datasets/" + name_ + "/versions", std::move(files));
    if (!frozen) return complain_unless_gone("pushing a data set", frozen.error());
    frozen_.push_back(*std::move(frozen));
  }
}

void ChannelClient::note_move(const Json& answer) {
  moves_.push_back(
      {answer.at("generation").get<std::int64_t>(), answer.at("snapshot_id").get<std::string>()});
}

Status ChannelClient::deploy(support::ApiClient& client) {
  auto files = files_;
  files["note.txt"] = fmt::format("{} {} {}\n", channel_, made_++, random_());
  GALLEY_TRY(auto frozen,
             push_folder(client, "/api/v1/models/" + model_ + "/snapshots", std::move(files)));
  frozen_.push_back(frozen);
  ++unknown_moves_;
  GALLEY_TRY(const Json answer, client.put("/api/v1/models/" + model_ + "/channels/" + channel_,
                                           {{"snapshot", frozen.id}}));
  --unknown_moves_;
  note_move(answer);
  return ok();
}

Status ChannelClient::roll_back(support::ApiClient& client) {
  ++unknown_moves_;
  const auto answer = client.post(
      "/api/v1/models/" + model_ + "/channels/" + channel_ + "/rollback", Json::object());
  if (!answer && answer.error().code != Errc::conflict) return answer.error();
  --unknown_moves_;
  if (answer) note_move(*answer);  // else: at the bottom of its history, nothing moved
  return ok();
}

void ChannelClient::work(support::ApiClient& client, const std::atomic<bool>& over) {
  for (int i = 0; i < kPerRound && !over; ++i) {
    const bool back = moves_.size() > 1 && random_() % 3 == 0;
    if (auto status = back ? roll_back(client) : deploy(client); !status)
      return complain_unless_gone(back ? "rolling back" : "deploying", status.error());
  }
}

}  // namespace galley::testing
