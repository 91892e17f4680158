#include "ingest_rate.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <latch>
#include <mutex>
#include <thread>

#include "postgres_server.h"
#include "processor_time.h"
#include "statistics.h"
#include "tracking_server.h"

namespace galley::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

const std::string kLogBatch = "/api/2.0/mlflow/runs/log-batch";
const std::string kLogMetric = "/api/2.0/mlflow/runs/log-metric";
constexpr int kBatchClients = 8;
constexpr int kBatchPoints = 1000;
constexpr int kBodies = 24;  // of each client, sent again and again
constexpr int kBatches = 160;
constexpr int kRounds = 3;

/// A batch as a training program reports it: all metrics at one step, then at the next.
std::string batch_body(const RunId& run, int metrics, int number) {
  std::string body = fmt::format(R"({{"run_id": "{}", "metrics": [)", run.str());
  const int steps = kBatchPoints / metrics;
  for (int step = 0; step < steps; ++step)
    for (int metric = 0; metric < metrics; ++metric) {
      const int at = number * steps + step;
      body += fmt::format(
          R"({}{{"key": "train/metric_{}", "value": {:.17g}, "timestamp": {}, "step": {}}})",
          step + metric > 0 ? ", " : "", metric, 1.0 / (1 + at) + 1e-3 * metric,
          1'700'000'000'000 + 250 * at, at);
    }
  return body + R"(], "params": [], "tags": []})";
}

/// The first error of several threads.
class FirstError {
 public:
  void note(const Status& status) {
    if (status) return;
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = status.error();
  }
  Status status() const { return error_ ? Status(*error_) : ok(); }

 private:
  std::mutex mutex_;  // guards error_
  std::optional<Error> error_;
};

struct BatchRound {
  double points_per_cpu_s = 0;
  double points_per_s = 0;
};

Result<BatchRound> log_batches(TrackingServer& server, int metrics) {
  std::vector<std::vector<std::string>> bodies(kBatchClients);
  std::vector<std::unique_ptr<http::Client>> clients;
  for (auto& own : bodies) {
    GALLEY_TRY(const auto run, server.tracking().create_run("run", "bench"));
    for (int i = 0; i < kBodies; ++i) own.push_back(batch_body(run.id, metrics, i));
    GALLEY_TRY(auto client, server.connect());
    clients.push_back(std::move(client));
  }
  FirstError first_error;
  std::array<double, kBatchClients> client_seconds{};
  const double cpu_before = processor_seconds(CLOCK_PROCESS_CPUTIME_ID);
  const auto begin = SteadyClock::now();
  {
    std::vector<std::jthread> threads;
    for (std::size_t c = 0; c < kBatchClients; ++c)
      threads.emplace_back([&, c] {
        for (int i = 0; i < kBatches; ++i)
          first_error.note(post_logged(*clients[c], kLogBatch,
                                       bodies[c][static_cast<std::size_t>(i % kBodies)]));
        client_seconds[c] = processor_seconds(CLOCK_THREAD_CPUTIME_ID);
      });
  }
  const double wall_s = Seconds(SteadyClock::now() - begin).count();
  // What still waits is the server's work too.
  GALLEY_TRY_STATUS(server.tracking().settle_all());
  double cpu_s = processor_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_before;
  for (const double seconds : client_seconds) cpu_s -= seconds;
  GALLEY_TRY_STATUS(first_error.status());
  constexpr double kPoints = 1.0 * kBatchClients * kBatches * kBatchPoints;
  return BatchRound{.points_per_cpu_s = kPoints / cpu_s, .points_per_s = kPoints / wall_s};
}

/// Milliseconds of single metrics, from when each was due.
Result<std::vector<double>> log_singles(TrackingServer& server) {
  constexpr int kClients = 200;
  constexpr int kCalls = 25;
  constexpr auto kEvery = std::chrono::milliseconds{200};
  GALLEY_TRY(const auto run, server.tracking().create_run("run", "bench"));
  std::vector<std::unique_ptr<http::Client>> clients;
  for (int c = 0; c < kClients; ++c) {
    GALLEY_TRY(auto client, server.connect());
    clients.push_back(std::move(client));
  }
  FirstError first_error;
  std::vector<std::vector<double>> took_ms(kClients);
  std::latch ready(kClients + 1);
  SteadyClock::time_point begin;
  {
    std::vector<std::jthread> threads;
    for (std::size_t c = 0; c < kClients; ++c)
      threads.emplace_back([&, c] {
        const std::string body = fmt::format(
            R"({{"run_id": "{}", "key": "loss_{}", "value": 0.5, "timestamp": 1, "step": 1}})",
            run.id.str(), c % 50);
        first_error.note(post_logged(*clients[c], kLogMetric, body));  // opens the connection
        ready.arrive_and_wait();
        for (int i = 0; i < kCalls; ++i) {
          const auto due = begin + i * kEvery + kEvery * c / kClients;
          std::this_thread::sleep_until(due);
          first_error.note(post_logged(*clients[c], kLogMetric, body));
          took_ms[c].push_back(1e3 * Seconds(SteadyClock::now() - due).count());
        }
      });
    begin = SteadyClock::now() + std::chrono::seconds{2};
    ready.arrive_and_wait();
  }
  GALLEY_TRY_STATUS(first_error.status());
  std::vector<double> all;
  for (const auto& own : took_ms) all.insert(all.end(), own.begin(), own.end());
  return all;
}

/// Milliseconds of writes that wait for the disk alone.
Result<std::vector<double>> write_alone(TrackingServer& server) {
  constexpr int kWrites = 100;
  GALLEY_TRY(const auto run, server.tracking().create_run("run", "bench"));
  std::vector<double> took_ms;
  const tracking::MetricPoint point{"loss", 1, 0.5, 1};
  for (int i = 0; i < kWrites; ++i) {
    const auto begin = SteadyClock::now();
    GALLEY_TRY_STATUS(server.tracking().log_metrics(run.id, std::span(&point, 1)));
    took_ms.push_back(1e3 * Seconds(SteadyClock::now() - begin).count());
  }
  return took_ms;
}

/// The same into PostgreSQL, where one is installed.
Status measure_postgres(std::map<std::string, double>& figures) {
  fmt::print(stderr, "\r{:40}\rPostgreSQL   ", "");
  auto postgres = support::PostgresServer::start({.durable = true, .on_disk = true});
  if (!postgres && postgres.error().code == Errc::not_found) return ok();
  if (!postgres) return postgres.error();
  std::vector<double> per_cpu_s;
  for (int round = 0; round < kRounds; ++round) {
    GALLEY_TRY(const auto url, postgres->make_database(fmt::format("round{}", round)));
    GALLEY_TRY(const auto server, TrackingServer::start(url));
    GALLEY_TRY(const BatchRound one, log_batches(*server, 50));
    per_cpu_s.push_back(one.points_per_cpu_s);
  }
  figures["postgres_points_per_cpu_s"] = support::median(per_cpu_s);
  return ok();
}

}  // namespace

Result<std::map<std::string, double>> measure_ingest() {
  std::map<std::string, double> figures;
  for (const int metrics : {50, 1, 1000}) {
    std::vector<double> per_cpu_s;
    std::vector<double> per_s;
    for (int round = 0; round < kRounds; ++round) {
      fmt::print(stderr, "\rbatches of {} metrics, round {}   ", metrics, round + 1);
      GALLEY_TRY(const auto server, TrackingServer::start());
      GALLEY_TRY(const BatchRound one, log_batches(*server, metrics));
      per_cpu_s.push_back(one.points_per_cpu_s);
      per_s.push_back(one.points_per_s);
    }
    if (metrics == 50) {
      figures["points_per_cpu_s"] = support::median(per_cpu_s);
      figures["points_per_s"] = support::median(per_s);
    } else {
      figures[fmt::format("points_per_cpu_s_{}_metric{}", metrics, metrics == 1 ? "" : "s")] =
          support::median(per_cpu_s);
    }
  }
  GALLEY_TRY_STATUS(measure_postgres(figures));
  fmt::print(stderr, "\r{:40}\rsingle metrics   ", "");
  GALLEY_TRY(const auto server, TrackingServer::start());
  GALLEY_TRY(const auto alone, write_alone(*server));
  GALLEY_TRY(const auto singles, log_singles(*server));
  figures["commit_ms_p50"] = support::median(alone);
  figures["commit_ms_p99"] = support::quantile(alone, 0.99);
  figures["log_metric_p50_ms"] = support::median(singles);
  figures["log_metric_p99_ms"] = support::quantile(singles, 0.99);
  fmt::print(stderr, "\r{:40}\r", "");
  return figures;
}

}  // namespace galley::bench
