#include "kill_rounds.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/file.h"
#include "kill_checks.h"
#include "kill_clients.h"
#include "pretended_gpus.h"
#include "server_process.h"
#include "support/temp_folder.h"
#include "toy_model.h"

namespace galley::testing {
namespace {

using support::ApiClient;
using support::ServerProcess;

constexpr Millis kDrainTimeout{90'000};
constexpr Millis kPoll{20};
constexpr int kMaxKillMs = 400;
constexpr int kMaxEarlyKillMs = 80;  // before it serves
constexpr int kEarlyKillEvery = 5;

struct Clients {
  JobClient first;
  JobClient second;
  MetricClient metrics;
  DatasetClient datasets;
  ChannelClient prod;
  ChannelClient canary;
  std::vector<LoadClient*> all() { return {&first, &second, &metrics, &datasets, &prod, &canary}; }
};

class KillWorld {
 public:
  explicit KillWorld(std::uint64_t seed) : random_(seed) {
    const auto tools = temp_ / "tools";
    // With GPUs, so that devices are allocated too.
    GALLEY_CHECK(support::install({}, tools) && make_folders(folders_.root),
                 "a test can write its own folder");
    options_.environment.push_back("PATH=" + tools.string() + ":" + std::getenv("PATH"));
  }
  ~KillWorld() {
    server_.reset();
    support::end_supervisors(data_);
  }

  void run(int rounds) {
    ASSERT_NO_FATAL_FAILURE(prepare());
    for (int round = 1; round <= rounds; ++round) {
      SCOPED_TRACE("round " + std::to_string(round));
      if (round % kEarlyKillEvery == 0) {
        ASSERT_NO_FATAL_FAILURE(kill_while_starting());
      }
      ASSERT_NO_FATAL_FAILURE(kill_under_load());
    }
    ASSERT_NO_FATAL_FAILURE(finish());
  }

 private:
  Millis random_ms(int below) {
    return Millis{static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(below))};
  }

  void start() {
    auto server = ServerProcess::start(options_);
    ASSERT_TRUE(server) << describe(server.error());
    server_.emplace(*std::move(server));
  }

  ApiClient connect() {
    auto client = ApiClient::open(server_->url(), server_->token());
    GALLEY_CHECK(client.has_value(), "a client opens without connecting");
    return *std::move(client);
  }

  /// A small model, trained by a job, whose files all later snapshots are made of.
  void prepare() {
    ASSERT_NO_FATAL_FAILURE(start());
    ApiClient client = connect();
    const auto snapshot =
        deploy_toy_model(client, {.trainer = std::filesystem::path(GALLEY_BIN_DIR) / "galley-train",
                                  .folder = temp_.path(),
                                  .model = "seed",
                                  .texts = 400});
    ASSERT_TRUE(snapshot) << describe(snapshot.error());
    const auto record = client.get("/api/v1/snapshots/" + *snapshot);
    ASSERT_TRUE(record) << describe(record.error());
    std::map<std::string, std::string> files;
    for (const Json& file : record->at("files")) {
      const auto blob = client.send(
          {.method = "GET", .target = "/api/v1/blobs/" + file.at("sha256").get<std::string>()});
      ASSERT_TRUE(blob && blob->status == 200);
      files[file.at("path").get<std::string>()] = blob->body;
    }
    clients_.emplace(Clients{JobClient("a", folders_, random_()),
                             JobClient("b", folders_, random_()), MetricClient(random_()),
                             DatasetClient("numbers", random_()),
                             ChannelClient("toy", "prod", files, random_()),
                             ChannelClient("toy", "canary", files, random_())});
  }

  void kill_while_starting() {
    auto server = ServerProcess::begin(options_);
    ASSERT_TRUE(server) << describe(server.error());
    std::this_thread::sleep_for(random_ms(kMaxEarlyKillMs));
    server->kill();
  }

  void kill_under_load() {
    if (!server_) {
      ASSERT_NO_FATAL_FAILURE(start());
    }
    std::atomic<bool> over = false;
    {
      std::vector<std::jthread> threads;
      for (LoadClient* client : clients_->all())
        threads.emplace_back([this, client, &over] {
          ApiClient connection = connect();
          client->work(connection, over);
        });
      std::this_thread::sleep_for(random_ms(kMaxKillMs));
      over = true;
      server_->kill();
    }
    server_.reset();
    for (const LoadClient* client : clients_->all())
      for (const std::string& complaint : client->complaints()) ADD_FAILURE() << complaint;
  }

  void wait_until_idle(ApiClient& client) {
    const auto deadline = std::chrono::steady_clock::now() + kDrainTimeout;
    for (;;) {
      const auto overview = client.get("/api/v1/overview");
      ASSERT_TRUE(overview) << describe(overview.error());
      const Json& queue = overview->at("queue");
      std::int64_t active = 0;
      for (const char* state : {"queued", "starting", "running", "cancelling"})
        active += queue.value(state, std::int64_t{0});
      if (active == 0) return;
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "jobs do not end: " << queue.dump();
      std::this_thread::sleep_for(kPoll);
    }
  }

  void finish() {
    ASSERT_NO_FATAL_FAILURE(start());
    ApiClient client = connect();
    for (JobClient* jobs : {&clients_->first, &clients_->second}) {
      const auto status = jobs->finish(client);
      ASSERT_TRUE(status) << describe(status.error());
    }
    ASSERT_NO_FATAL_FAILURE(wait_until_idle(client));

    std::vector<WantedJob> jobs = clients_->first.jobs();
    jobs.insert(jobs.end(), clients_->second.jobs().begin(), clients_->second.jobs().end());
    check_jobs(client, jobs, folders_);
    check_points(client, clients_->metrics.runs());
    check_frozen(client, clients_->datasets.frozen());
    for (const ChannelClient* channel : {&clients_->prod, &clients_->canary}) {
      check_frozen(client, channel->frozen());
      check_channel(client, *channel);
    }
    const auto end = server_->stop();
    ASSERT_TRUE(end) << describe(end.error());
    EXPECT_EQ(end->exit_code, 0) << end->said;
    constexpr std::size_t kTraining = 1;
    check_tables(data_ / "galley.db", jobs.size() + kTraining);
    print_counts(jobs.size());
  }

  void print_counts(std::size_t jobs) {
    std::size_t points = 0;
    for (const auto& run : clients_->metrics.runs()) points += run.acknowledged.size();
    std::cout << "acknowledged: " << jobs << " jobs, " << points << " points, "
              << clients_->datasets.frozen().size() << " data sets, "
              << clients_->prod.moves().size() + clients_->canary.moves().size()
              << " channel moves\n";
  }

  TempFolder temp_;
  const std::filesystem::path data_ = temp_ / "data";
  const JobFolders folders_{temp_ / "shared"};
  support::ServerOptions options_{.program = std::filesystem::path(GALLEY_BIN_DIR) / "galley",
                                  .data = data_};
  std::mt19937_64 random_;
  std::optional<ServerProcess> server_;
  std::optional<Clients> clients_;
};

}  // namespace

std::uint64_t chosen_seed() {
  const char* text = std::getenv("GALLEY_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : std::random_device{}();
}

void run_kill_rounds(int rounds, std::uint64_t seed) {
  std::cout << "GALLEY_SEED=" << seed << "\n";
  KillWorld world(seed);
  world.run(rounds);
}

}  // namespace galley::testing
