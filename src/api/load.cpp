#include "load.h"

#include <algorithm>

#include "controller/controller.h"
#include "serving/model_host.h"

namespace galley::api {

Result<Json> print_queue(const Services& services) {
  GALLEY_TRY(const auto counts, services.controller.queue());
  const auto count = [](const auto& map, const char* state) {
    const auto found = map.find(state);
    return found == map.end() ? std::int64_t{0} : found->second;
  };
  Json json = Json::object();
  for (const char* state : {"queued", "starting", "running", "cancelling"})
    json[state] = count(counts.active, state);
  for (const char* state : {"succeeded", "failed", "cancelled"})
    json[std::string(state) + "_24h"] = count(counts.ended_24h, state);
  return json;
}

/// Over the machines that are up; ratios weighed by processors, and the least free disk.
Json print_load(const Services& services) {
  double cpus = 0;
  double used = 0;
  double load_1m = 0;
  std::int64_t memory_used_bytes = 0;
  std::optional<std::int64_t> disk_free_bytes;
  for (const auto& node : services.controller.nodes()) {
    if (node.state != "up") continue;
    cpus += static_cast<double>(node.cpus);
    used += node.cpu_used_ratio * static_cast<double>(node.cpus);
    load_1m += node.load_1m;
    memory_used_bytes += node.memory_used_bytes;
    disk_free_bytes =
        std::min(disk_free_bytes.value_or(node.disk_free_bytes), node.disk_free_bytes);
  }
  return {{"cpu_used_ratio", cpus > 0 ? used / cpus : 0.0},
          {"load_1m", load_1m},
          {"memory_used_bytes", memory_used_bytes},
          {"disk_free_bytes", disk_free_bytes.value_or(0)}};
}

std::string load_event(const Services& services) {
  Json json = print_load(services);
  json.erase("disk_free_bytes");
  const auto stats = services.models.stats();
  json["predictions_per_s"] = stats.predictions_per_s;
  json["latency_ms_p50"] = stats.latency_ms_p50;
  json["latency_ms_p99"] = stats.latency_ms_p99;
  // A count that cannot be read is left out rather than shown as zero.
  if (auto queue = print_queue(services)) json["queue"] = *std::move(queue);
  return dump_json(json);
}

}  // namespace galley::api
