#include "http/http_bench.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

#include "api_client.h"
#include "base/file.h"
#include "base/text.h"
#include "http/wrk.h"
#include "scratch_folder.h"
#include "server_process.h"
#include "statistics.h"
#include "stop.h"
#include "toy_model.h"

namespace galley::bench {
namespace {

using support::median;
using support::ServerProcess;

constexpr std::size_t kTexts = 64;  // cycled through, so that no cache answers for the engine
constexpr std::string_view kModel = "reviews";

/// Processor seconds, user and system, that a process has used so far.
Result<double> cpu_seconds(pid_t pid) {
  constexpr std::size_t kUserTicks = 11;  // counted after the command's closing parenthesis
  GALLEY_TRY(const std::string stat, read_file(fmt::format("/proc/{}/stat", pid), 4096));
  const auto fields = split(trim(std::string_view(stat).substr(stat.rfind(')') + 1)), ' ');
  const double ticks = std::stod(std::string(fields.at(kUserTicks))) +
                       std::stod(std::string(fields.at(kUserTicks + 1)));
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::string predict_script(const std::string& token) {
  std::string bodies;
  for (const auto& review : support::toy_reviews(kTexts, 2)) {
    const Json body{{"model", kModel}, {"text", review.text}};
    bodies += "  [==[" + dump_json(body) + "]==],\n";
  }
  return fmt::format(R"(
local bodies = {{
{}}}
local headers = {{["Authorization"] = "Bearer {}", ["Content-Type"] = "application/json"}}
local requests, at = {{}}, 0
init = function(args)
  for i, body in ipairs(bodies) do requests[i] = wrk.format("POST", nil, headers, body) end
end
request = function()
  at = at % #requests + 1
  return requests[at]
end
)",
                     bodies, token);
}

struct Samples {
  std::vector<double> rps;
  std::vector<double> p50_ms;
  std::vector<double> p99_ms;
  void add(const WrkFigures& figures) {
    rps.push_back(figures.requests_per_s);
    p50_ms.push_back(figures.p50_ms);
    p99_ms.push_back(figures.p99_ms);
  }
};

double least(const std::vector<double>& values) { return support::quantile(values, 0); }

}  // namespace

Result<BenchReport> run_http_bench(const HttpBenchOptions& options) {
  GALLEY_TRY(const auto scratch, support::ScratchFolder::make());
  GALLEY_TRY(auto server, ServerProcess::start(
                              {.program = options.programs / "galley", .data = scratch / "data"}));
  GALLEY_TRY(auto client, support::ApiClient::open(server.url(), server.token()));
  fmt::print(stderr, "training and deploying a classifier\n");
  GALLEY_TRY_STATUS(deploy_toy_model(client, {.trainer = options.programs / "galley-train",
                                              .folder = scratch.path(),
                                              .model = std::string(kModel)}));

  GALLEY_TRY_STATUS(write_wrk_script(scratch / "healthz.lua", ""));
  GALLEY_TRY_STATUS(write_wrk_script(scratch / "predict.lua", predict_script(server.token())));
  WrkRun healthz{server.url() + "/healthz", scratch / "healthz.lua", options.connections, 1};
  WrkRun predict{server.url() + "/v1/predict", scratch / "predict.lua", options.connections, 1};
  GALLEY_TRY_STATUS(run_wrk(healthz));  // both routes once for the caches and the branch predictor
  GALLEY_TRY_STATUS(run_wrk(predict));

  healthz.seconds = predict.seconds = options.seconds;
  Samples empty;
  Samples answers;
  std::vector<double> cores;
  for (std::int64_t round = 1; round <= options.rounds; ++round) {
    GALLEY_TRY_STATUS(support::check_stop());
    GALLEY_TRY(const WrkFigures health, run_wrk(healthz));
    GALLEY_TRY(const double before, cpu_seconds(server.pid()));
    GALLEY_TRY(const WrkFigures answer, run_wrk(predict));
    GALLEY_TRY(const double after, cpu_seconds(server.pid()));
    empty.add(health);
    answers.add(answer);
    cores.push_back((after - before) / static_cast<double>(options.seconds));
    fmt::print(stderr, "round {}/{}: healthz {:.0f}/s, predict {:.0f}/s, p99 {:.2f} ms\n", round,
               options.rounds, health.requests_per_s, answer.requests_per_s, answer.p99_ms);
  }

  BenchReport report{.name = "http"};
  report.figures = {{"healthz_rps", median(empty.rps)},
                    {"healthz_rps_min", least(empty.rps)},
                    {"healthz_p99_ms", median(empty.p99_ms)},
                    {"predict_rps", median(answers.rps)},
                    {"predict_rps_min", least(answers.rps)},
                    {"predict_p50_ms", median(answers.p50_ms)},
                    {"predict_p99_ms", median(answers.p99_ms)},
                    {"server_cores_used", median(cores)},
                    {"connections", static_cast<double>(options.connections)}};
  return report;
}

}  // namespace galley::bench
