#include <fmt/format.h>

#include <iterator>

#include "context.h"
#include "controller/availability.h"
#include "controller/controller.h"
#include "estimates/live_etas.h"
#include "openai/service.h"
#include "reply.h"
#include "serving/model_host.h"

namespace galley::api {
namespace {

void print_one(std::string& out, std::string_view name, std::string_view help,
               std::string_view type, std::int64_t value) {
  print_header(out, name, help, type);
  fmt::format_to(std::back_inserter(out), "{} {}\n", name, value);
}

void print_jobs(std::string& out, const controller::QueueCounts& counts) {
  print_header(out, "galley_jobs", "Jobs that have not ended, by state.", "gauge");
  for (const char* state : {"queued", "starting", "running", "cancelling"}) {
    const auto found = counts.active.find(state);
    fmt::format_to(std::back_inserter(out), "galley_jobs{{state=\"{}\"}} {}\n", state,
                   found == counts.active.end() ? 0 : found->second);
  }
}

void print_nodes(std::string& out, const std::vector<protocol::NodeRecord>& nodes) {
  std::int64_t cpus = 0;
  std::int64_t cpus_allocated = 0;
  std::int64_t memory = 0;
  std::int64_t memory_used = 0;
  std::int64_t gpus = 0;
  std::int64_t gpus_allocated = 0;
  for (const auto& node : nodes) {
    cpus += node.cpus;
    cpus_allocated += node.cpus_allocated;
    memory += node.memory_bytes;
    memory_used += node.memory_used_bytes;
    gpus += std::ssize(node.devices);
    for (const auto& device : node.devices) gpus_allocated += device.job_id ? 1 : 0;
  }
  print_one(out, "galley_nodes", "Machines known to the controller.", "gauge", std::ssize(nodes));
  print_one(out, "galley_node_cpus", "Processors that the machines offer.", "gauge", cpus);
  print_one(out, "galley_node_cpus_allocated", "Processors given to jobs.", "gauge",
            cpus_allocated);
  print_one(out, "galley_node_memory_bytes", "Memory that the machines offer.", "gauge", memory);
  print_one(out, "galley_node_memory_used_bytes", "Memory in use on the machines.", "gauge",
            memory_used);
  print_one(out, "galley_node_gpus", "GPUs of the machines.", "gauge", gpus);
  print_one(out, "galley_node_gpus_allocated", "GPUs given to jobs.", "gauge", gpus_allocated);
}

void print_passes(std::string& out, const controller::Controller::Passes& passes) {
  constexpr std::string_view kName = "galley_scheduler_pass_seconds";
  print_header(out, kName, "Time of a step of the controller, with its pass of the scheduler.",
               "histogram");
  std::int64_t total = 0;
  for (std::size_t i = 0; i < passes.counts.size(); ++i) {
    total += passes.counts[i];
    const std::string bound =
        i < passes.kBoundsSeconds.size() ? fmt::format("{}", passes.kBoundsSeconds[i]) : "+Inf";
    fmt::format_to(std::back_inserter(out), "{}_bucket{{le=\"{}\"}} {}\n", kName, bound, total);
  }
  fmt::format_to(std::back_inserter(out), "{0}_sum {1}\n{0}_count {2}\n", kName, passes.sum_s,
                 total);
}

/// Of jobs that run; those that are followed beyond these are in the API's lists alone.
void print_etas(std::string& out, estimates::LiveEtas& etas) {
  constexpr std::size_t kMost = 200;
  const auto current = etas.current(kMost);
  print_header(out, "galley_job_eta_seconds", "Remaining time of running jobs.", "gauge");
  for (const auto& [job, eta] : current) {
    if (!eta.remaining_s) continue;
    const auto& left = *eta.remaining_s;
    for (const auto& [quantile, value] :
         {std::pair("0.1", left.p10), std::pair("0.5", left.p50), std::pair("0.9", left.p90)})
      fmt::format_to(std::back_inserter(out),
                     "galley_job_eta_seconds{{job=\"{}\",quantile=\"{}\"}} {:.3f}\n", job.str(),
                     quantile, value);
  }
  const auto print_each = [&](std::string_view name, std::string_view help, const auto& value_of) {
    print_header(out, name, help, "gauge");
    for (const auto& [job, eta] : current)
      if (const std::optional<double> value = value_of(eta))
        fmt::format_to(std::back_inserter(out), "{}{{job=\"{}\"}} {:.6g}\n", name, job.str(),
                       *value);
  };
  using protocol::JobEta;
  print_each("galley_job_progress_ratio", "Done of all that running jobs have to do.",
             [](const JobEta& eta) { return eta.progress_ratio; });
  print_each("galley_job_step_seconds", "Time of a usual step of running jobs.",
             [](const JobEta& eta) { return eta.step_s; });
  print_each("galley_job_remaining_cost_dollars", "What running jobs will still cost.",
             [](const JobEta& eta) {
               return eta.cost_remaining_usd ? std::optional(eta.cost_remaining_usd->p50)
                                             : std::nullopt;
             });
  constexpr std::string_view kErrors = "galley_eta_error_ratio";
  print_header(out, kErrors,
               "Error of the remaining time that was told when a quarter was done, of jobs that "
               "came to their end.",
               "histogram");
  const auto errors = etas.errors();
  for (std::size_t i = 0; i < errors.size(); ++i) {
    const std::string_view gpus = i == 0 ? "none" : i == 1 ? "one" : "several";
    std::int64_t total = 0;
    for (std::size_t k = 0; k < errors[i].counts.size(); ++k) {
      total += errors[i].counts[k];
      const std::string bound = k < estimates::EtaErrors::kBounds.size()
                                    ? fmt::format("{}", estimates::EtaErrors::kBounds[k])
                                    : "+Inf";
      fmt::format_to(std::back_inserter(out), "{}_bucket{{gpus=\"{}\",le=\"{}\"}} {}\n", kErrors,
                     gpus, bound, total);
    }
    fmt::format_to(std::back_inserter(out),
                   "{0}_sum{{gpus=\"{1}\"}} {2}\n{0}_count{{gpus=\"{1}\"}} {3}\n", kErrors, gpus,
                   errors[i].sum, total);
  }
}

void print_server(std::string& out, const Context& context) {
  print_header(out, "galley_build_info", "1, with the version of this server.", "gauge");
  fmt::format_to(std::back_inserter(out), "galley_build_info{{version=\"{}\"}} 1\n",
                 context.services.version);
  print_one(out, "galley_start_time_seconds", "When this server began to serve, since 1970.",
            "gauge", to_ms(context.started) / 1000);
  std::int64_t firing = 0;
  for (const auto& rule : context.alerts->rules()) firing += rule.firing;
  print_one(out, "galley_alerts_firing", "What alerts are firing about now.", "gauge", firing);
}

Result<http::Response> metrics(const Context& context) {
  const auto& services = context.services;
  GALLEY_TRY(const auto counts, services.controller.queue());
  std::string out;
  print_server(out, context);
  print_passes(out, services.controller.passes());
  print_jobs(out, counts);
  print_nodes(out, services.controller.nodes());
  context.metrics.print(out);
  if (services.live_etas != nullptr) print_etas(out, *services.live_etas);
  if (const auto service = controller::read_availability(services.database)) {
    print_header(out, "galley_down_seconds_total",
                 "Time in which no controller accepted anything, as seen from outside the leader.",
                 "counter");
    fmt::format_to(std::back_inserter(out), "galley_down_seconds_total {:.3f}\n",
                   static_cast<double>(service->down_ms) / 1'000);
    print_one(out, "galley_availability_probes_total", "Probes that a controller accepted.",
              "counter", service->probes);
  }
  const auto serving = services.models.stats();
  print_one(out, "galley_predictions_total", "Texts that models have classified.", "counter",
            serving.predictions_total);
  print_one(out, "galley_prediction_errors_total", "Prediction requests that were refused.",
            "counter", serving.errors_total);
  const auto store = services.database.stats();
  print_one(out, "galley_store_commands_total", "Writes that the store has carried out.", "counter",
            store.commands);
  print_one(out, "galley_store_commits_total", "Transactions that those writes were grouped into.",
            "counter", store.commits);
  print_one(out, "galley_store_queued", "Writes that wait for the next transaction.", "gauge",
            store.queued);
  if (services.language != nullptr) out += services.language->metrics();
  auto response = http::Response::text(std::move(out));
  response.shared_body = context.telemetry->text();
  response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  return response;
}

}  // namespace

void add_metrics_routes(Endpoints& endpoints, Context& context) {
  endpoints.add("GET", "/metrics", http::Run::pool,
                {.summary = "Counters and gauges in the text form of Prometheus.",
                 .content_type = "text/plain"},
                [&context](const http::Request&) { return metrics(context); });
}

}  // namespace galley::api
