#include "llm_server/llm_server_bench.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <cstdio>
#include <optional>
#include <thread>

#include "llm_server/load.h"
#include "scratch_folder.h"
#include "server_process.h"
#include "statistics.h"

namespace galley::bench {
namespace {

/// A model that is not in the page cache comes from a disk.
constexpr Millis kLoadTime{300'000};

double own_cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// Something else that the machine has to do: it never waits.
std::jthread busy_loop() {
  return std::jthread([](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
    }
  });
}

/// "http://host:1/v1/" -> "http://host:1".
std::string base_url(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  if (url.ends_with("/v1")) url.resize(url.size() - 3);
  return url;
}

BenchReport report_of(const LoadSamples& seen, double client_cpu_s) {
  using support::quantile;
  BenchReport report{.name = "llm-server"};
  std::int64_t errors = 0;
  for (const auto& [what, count] : seen.errors) errors += count;
  report.figures = {
      {"gen_tok_s", static_cast<double>(seen.generated) / seen.seconds},
      {"total_tok_s", static_cast<double>(seen.generated + seen.prompt) / seen.seconds},
      {"ttft_p50_ms", quantile(seen.ttft_ms, 0.5)},
      {"ttft_p90_ms", quantile(seen.ttft_ms, 0.9)},
      {"itl_p50_ms", quantile(seen.itl_ms, 0.5)},
      {"itl_p99_ms", quantile(seen.itl_ms, 0.99)},
      {"requests", static_cast<double>(seen.answered)},
      {"errors", static_cast<double>(errors)},
      {"seconds_of_load", seen.seconds},
      {"cached_prompt_tokens", static_cast<double>(seen.cached)},
      {"prompt_tokens", static_cast<double>(seen.prompt)},
      {"generated_tokens", static_cast<double>(seen.generated)},
      {"client_cpu_s", client_cpu_s}};
  return report;
}

Result<BenchReport> measure(const LlmServerBenchOptions& options, LoadTarget target) {
  GALLEY_TRY(target.model, first_model(target));
  const auto warm_up = run_load(target, {{"warm up", 4}}, 1);
  if (!warm_up.errors.empty())
    return Error{Errc::unavailable, "the first request failed: " + warm_up.errors.begin()->first};
  const auto requests = make_load({.requests = options.requests,
                                   .prompt_words = options.prompt_words,
                                   .max_tokens = options.max_tokens,
                                   .shared_prefix = options.shared_prefix,
                                   .mixed = options.mixed,
                                   .seed = options.seed});
  fmt::print(stderr, "{} requests by {} clients to {}{}\n", requests.size(), options.clients,
             target.url, options.busy ? ", a busy loop beside them" : "");
  std::optional<std::jthread> busy;
  if (options.busy) busy = busy_loop();
  const double before = own_cpu_seconds();
  const auto seen = run_load(target, requests, options.clients);
  // The loop is no client; it takes one processor's share, which is not told apart here.
  const double client_cpu_s = options.busy ? 0 : own_cpu_seconds() - before;
  for (const auto& [what, count] : seen.errors) fmt::print(stderr, "{} times: {}\n", count, what);
  if (seen.answered == 0) return Error{Errc::unavailable, "no request was answered"};
  auto report = report_of(seen, client_cpu_s);
  if (options.busy) report.figures.erase("client_cpu_s");
  report.figures["clients"] = static_cast<double>(options.clients);
  report.seeds = {static_cast<std::int64_t>(options.seed)};
  return report;
}

}  // namespace

Result<BenchReport> run_llm_server_bench(const LlmServerBenchOptions& options) {
  if (!options.target.empty())
    return measure(options, {base_url(options.target), options.api_key, {}});
  if (options.model.empty())
    return Error{Errc::invalid_argument, "there is nothing to measure", "--target",
                 "--target URL or --model FILE"};
  GALLEY_TRY(const auto scratch, support::ScratchFolder::make());
  std::vector<std::string> arguments{"--model", options.model.string()};
  if (options.threads > 0)
    arguments.insert(arguments.end(), {"--threads", std::to_string(options.threads)});
  GALLEY_TRY(auto server, support::ServerProcess::begin({.program = options.programs / "galley",
                                                         .data = scratch / "data",
                                                         .arguments = std::move(arguments),
                                                         .role = "serve"}));
  GALLEY_TRY_STATUS(server.wait_ready(kLoadTime));
  return measure(options, {server.url(), {}, {}});
}

}  // namespace galley::bench
