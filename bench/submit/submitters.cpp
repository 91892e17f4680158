#include "submit/submitters.h"

#include <optional>
#include <thread>

#include "http/client.h"

namespace galley::bench {
namespace {

using Steady = std::chrono::steady_clock;

struct Worker {
  std::vector<double> latencies_ms;
  std::optional<Error> error;

  Status submit_until(const SubmitLoad& load, Steady::time_point end) {
    GALLEY_TRY(auto client,
               http::Client::open({.server = load.url, .bearer_token = load.token, .retries = 0}));
    http::Client::Call call{.method = "POST", .target = "/api/v1/jobs", .body = load.body};
    call.headers.set("Content-Type", "application/json");
    for (auto begin = Steady::now(); begin < end;) {
      GALLEY_TRY_STATUS(http::expect_ok(client->send(call)));
      const auto now = Steady::now();
      latencies_ms.push_back(std::chrono::duration<double, std::milli>(now - begin).count());
      begin = now;
    }
    return ok();
  }
};

}  // namespace

Result<SubmitFigures> submit_for(const SubmitLoad& load) {
  std::vector<Worker> workers(static_cast<std::size_t>(load.clients));
  const auto begin = Steady::now();
  {
    std::vector<std::jthread> threads;
    for (Worker& worker : workers)
      threads.emplace_back([&load, &worker, end = begin + load.length] {
        if (auto status = worker.submit_until(load, end); !status)
          worker.error = std::move(status).error();
      });
  }
  const std::chrono::duration<double> seconds = Steady::now() - begin;
  SubmitFigures figures;
  for (const Worker& worker : workers) {
    if (worker.error) return *worker.error;
    figures.latencies_ms.insert(figures.latencies_ms.end(), worker.latencies_ms.begin(),
                                worker.latencies_ms.end());
  }
  figures.jobs_per_s = static_cast<double>(figures.latencies_ms.size()) / seconds.count();
  return figures;
}

}  // namespace galley::bench
