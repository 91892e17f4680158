// Studies behind the server, asked and told over HTTP.
#include "hpo/service_rates.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <vector>

#include "api_client.h"
#include "scratch_folder.h"
#include "server_process.h"
#include "stop.h"

namespace galley::bench {
namespace {

using Steady = std::chrono::steady_clock;
using support::ApiClient;
using support::ServerProcess;

constexpr std::int64_t kDurableTrials = 10'000;
constexpr std::int64_t kManyTrials = 100'000;
constexpr int kClients = 64;
constexpr std::int64_t kAskedAtOnce = 16;

Json service_study(const std::string& name) {
  Json params = Json::object();
  for (int i = 0; i < 4; ++i)
    params[fmt::format("rate_{}", i)] = {
        {"type", "float"}, {"distribution", "log_uniform"}, {"parameters", {1e-5, 1.0}}};
  for (int i = 0; i < 2; ++i) {
    params[fmt::format("size_{}", i)] = {
        {"type", "int"}, {"distribution", "uniform"}, {"parameters", {1, 64}}};
    params[fmt::format("kind_{}", i)] = {
        {"type", "str"}, {"distribution", "categorical"}, {"parameters", {"a", "b", "c", "d"}}};
  }
  return {{"name", name},
          {"h_params", params},
          {"measure", "loss"},
          {"order", "ascending"},
          {"max_resource", 1},
          {"tune", "tpe"},
          {"termination", {{"max_session_number", 10 * kManyTrials}}},
          {"seed", 1}};
}

double service_loss(const Json& params) {
  double loss = 0;
  for (const auto& [name, value] : params.items())
    loss += value.is_number_float() ? std::abs(std::log10(value.get<double>()) + 2)
            : value.is_number()     ? std::abs(value.get<double>() - 30) / 30
                                    : (value == "b" ? 0.0 : 1.0);
  return loss;
}

Result<std::string> begin_study(ApiClient& client, const std::string& name) {
  GALLEY_TRY(const Json study, client.post("/api/v1/studies", service_study(name)));
  return "/api/v1/studies/" + study.at("id").get<std::string>();
}

/// Trials that nobody waits for one by one: asked for many at a time, each told by itself.
Status many_at_once(ApiClient& client, const std::string& study, std::int64_t count) {
  GALLEY_TRY(const Json orders, client.post(study + "/ask", {{"count", count}}));
  if (orders.at("items").empty())
    return Error{Errc::internal, "a study without an end gave no trial"};
  for (const Json& order : orders.at("items"))
    GALLEY_TRY_STATUS(client.post(study + "/tell", {{"trial", order.at("trial")},
                                                    {"value", service_loss(order.at("params"))}}));
  return ok();
}

Status one_trial(ApiClient& client, const std::string& study, const std::string& worker) {
  GALLEY_TRY(const Json orders, client.post(study + "/ask", {{"worker", worker}}));
  if (orders.at("items").empty())
    return Error{Errc::internal, "a study without an end gave no trial"};
  const Json& order = orders.at("items").at(0);
  GALLEY_TRY(const Json told,
             client.post(study + "/tell", {{"trial", order.at("trial")},
                                           {"value", service_loss(order.at("params"))}}));
  return ok();
}

/// `count` trials by so many clients, each of which asks for `at_once` of them.
Status many_trials(const ServerProcess& server, const std::string& study, int clients,
                   std::int64_t count, std::int64_t at_once = 1) {
  std::atomic<std::int64_t> left = count;
  std::mutex mutex;  // guards failure
  Status failure = ok();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < clients; ++i)
      threads.emplace_back([&, worker = fmt::format("w{}", i)] {
        auto client = ApiClient::open(server.url(), server.token());
        Status status = client ? ok() : Status(client.error());
        while (status && left.fetch_sub(at_once) > 0) {
          status = support::check_stop();
          if (!status) break;
          status = at_once > 1 ? many_at_once(*client, study, at_once)
                               : one_trial(*client, study, worker);
        }
        const std::lock_guard lock(mutex);
        if (!status) failure = status;
      });
  }
  return failure;
}

double seconds_between(Steady::time_point from, Steady::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

Result<ServiceRates> measure_service_rates(const std::filesystem::path& programs) {
  GALLEY_TRY(auto scratch, support::ScratchFolder::make());
  // Limits of a user's requests a second are for people.
  const support::ServerOptions options{.program = programs / "galley", .data = scratch / "data"};
  ServiceRates rates;
  std::string many;
  {
    GALLEY_TRY(auto server, ServerProcess::start(options));
    GALLEY_TRY(auto client, ApiClient::open(server.url(), server.token()));
    std::fprintf(stderr, "server: %ld trials by one client\n", static_cast<long>(kDurableTrials));
    GALLEY_TRY(const auto study, begin_study(client, "durable"));
    auto began = Steady::now();
    GALLEY_TRY_STATUS(many_trials(server, study, 1, kDurableTrials));
    rates.durable_10k_s = seconds_between(began, Steady::now());

    std::fprintf(stderr, "server: %d clients, then %ld trials\n", kClients,
                 static_cast<long>(kManyTrials));
    GALLEY_TRY(many, begin_study(client, "many"));
    began = Steady::now();
    GALLEY_TRY_STATUS(many_trials(server, many, kClients, kDurableTrials));
    rates.http_trials_per_s =
        static_cast<double>(kDurableTrials) / seconds_between(began, Steady::now());
    // How they came to be there is not measured.
    GALLEY_TRY_STATUS(
        many_trials(server, many, kClients, kManyTrials - kDurableTrials, kAskedAtOnce));
    server.kill();
  }
  const auto began = Steady::now();
  GALLEY_TRY(auto server, ServerProcess::start(options));
  GALLEY_TRY(auto client, ApiClient::open(server.url(), server.token()));
  GALLEY_TRY_STATUS(one_trial(client, many, "w0"));
  rates.reopen_100k_s = seconds_between(began, Steady::now());
  return rates;
}

}  // namespace galley::bench
