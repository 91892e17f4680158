#include "cluster_offers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>

#include "base/text.h"

namespace galley::estimates {
namespace {

constexpr double kUnknownWatts = 300;

}  // namespace

bool is_of_type(const std::string& model, const std::optional<std::string>& type) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  };
  return std::ranges::all_of(split(type.value_or(""), ' '), [&](std::string_view word) {
    return std::search(model.begin(), model.end(), word.begin(), word.end(), same) != model.end();
  });
}

std::vector<ClusterGpu> cluster_gpus(const std::vector<protocol::NodeRecord>& nodes) {
  std::map<std::string, ClusterGpu> by_model;
  for (const auto& node : nodes) {
    if (node.state != "up" || !node.accepts_jobs) continue;
    std::map<std::string, std::int64_t> here;
    for (const auto& device : node.devices) {
      if (device.state != "in_service" || device.model.empty()) continue;
      ClusterGpu& gpu = by_model[device.model];
      ++gpu.total;
      gpu.free += device.job_id ? 0 : 1;
      gpu.per_node = std::max(gpu.per_node, ++here[device.model]);
    }
  }
  std::vector<ClusterGpu> gpus;
  for (auto& [model, gpu] : by_model) {
    gpu.model = model;
    auto spec = estimator::find_gpu(model);
    gpu.guessed = !spec;
    gpu.spec = spec ? *std::move(spec) : estimator::typical_gpu(model.substr(0, 80));
    gpus.push_back(std::move(gpu));
  }
  std::ranges::stable_sort(gpus, std::ranges::greater{}, &ClusterGpu::total);
  return gpus;
}

std::int64_t gpus_waited_for(const std::vector<protocol::JobSpec>& waiting, const ClusterGpu& gpu) {
  std::int64_t count = 0;
  for (const auto& job : waiting)
    if (is_of_type(gpu.model, job.resources.gpu_type))
      count += job.resources.gpus * job.resources.nodes;
  return count;
}

estimator::Offer cluster_offer(const ClusterGpu& gpu, std::int64_t gpus, std::int64_t waited_for,
                               const ClusterPrices& prices) {
  const auto count = static_cast<double>(gpus);
  const double watts = gpu.spec.watts > 0 ? gpu.spec.watts : kUnknownWatts;
  const auto unwanted = static_cast<double>(std::max<std::int64_t>(gpu.free - waited_for, 0));
  return {.name = fmt::format("{}× {} (own)", gpus, gpu.spec.name),
          .gpu = gpu.spec,
          .gpus = count,
          .nodes = std::ceil(count / static_cast<double>(std::max<std::int64_t>(gpu.per_node, 1))),
          .usd_per_h = count * watts / 1000 * prices.overhead_ratio * prices.usd_per_kwh,
          .owned = true,
          .idle_ratio = std::clamp(unwanted / count, 0.0, 1.0),
          .value_usd_per_h = count * prices.rent_usd_per_h(gpu.spec),
          .guessed_gpu = gpu.guessed};
}

std::vector<std::int64_t> cluster_counts(const ClusterGpu& gpu, const std::vector<double>& wanted) {
  std::vector<std::int64_t> counts;
  for (const double count : wanted)
    if (count >= 1 && count <= static_cast<double>(gpu.total))
      counts.push_back(static_cast<std::int64_t>(count));
  if (!wanted.empty()) return counts;
  for (std::int64_t count = 1; count <= gpu.total && count <= 64; count *= 2)
    counts.push_back(count);
  return counts;
}

protocol::JobSpec spec_of_offer(const ClusterGpu& gpu, const estimator::Offer& offer,
                                protocol::JobSpec like) {
  if (like.command.empty()) like.command = {"true"};
  if (like.name.empty()) like.name = "estimate";
  like.resources.gpu_type = gpu.model.substr(0, 64);
  like.resources.nodes = std::max<std::int64_t>(static_cast<std::int64_t>(offer.nodes), 1);
  like.resources.gpus = static_cast<std::int64_t>(offer.gpus) / like.resources.nodes;
  like.resources.gpu_milli.reset();
  return like;
}

bool add_wait(const protocol::GuideRecord& guide, WallTime now, estimator::Offer& offer) {
  if (guide.binding == protocol::Binding::impossible) return false;
  if (guide.starts_now || !guide.start) return true;
  const auto seconds_to = [&](WallTime at) {
    return std::max(static_cast<double>(to_ms(at) - to_ms(now)) / 1e3, 0.0);
  };
  offer.wait_s_p50 = seconds_to(guide.start->typical_at);
  offer.wait_s_p90 = seconds_to(guide.start->late_at);
  return true;
}

}  // namespace galley::estimates
