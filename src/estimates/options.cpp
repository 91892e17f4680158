#include "options.h"

#include <algorithm>

#include "estimator/gpu_specs.h"
#include "estimator/networks.h"

namespace galley::estimates {
namespace {

Json print_gpu(const estimator::GpuSpec& gpu, const ClusterGpu* own) {
  return {{"name", gpu.name},
          {"memory_bytes", static_cast<std::int64_t>(gpu.memory_gb * 1e9)},
          {"fp32_tflops", gpu.fp32_tflops},
          {"fp16_tflops", gpu.fp16_tflops},
          {"bandwidth_gbps", gpu.bandwidth_gbps},
          {"watts", gpu.watts},
          {"year", gpu.year},
          {"bf16", gpu.bf16},
          {"fp8", gpu.fp8},
          {"own", own == nullptr ? 0 : own->total}};
}

void add_offers(const estimator::PriceRow& row, Json& offers) {
  const auto gpu = estimator::find_gpu(row.gpu);
  if (!gpu) return;
  for (const bool spot : {false, true}) {
    const double price = spot ? row.spot_usd_per_h : row.usd_per_h;
    if (!(price > 0)) continue;
    offers.push_back({{"gpu", gpu->name},
                      {"gpus", row.gpus},
                      {"usd_per_hour", price},
                      {"provider", row.cloud},
                      {"instance", row.instance},
                      {"region", row.region},
                      {"spot", spot}});
  }
}

}  // namespace

Json print_options(const std::vector<ClusterGpu>& cluster,
                   const std::vector<estimator::PriceRow>& prices) {
  Json gpus = Json::array(), own_gpus = Json::array();
  for (const auto& own : cluster) {
    own_gpus.push_back({{"gpu", own.spec.name},
                        {"model", own.model},
                        {"data_sheet_known", !own.guessed},
                        {"total", own.total},
                        {"free", own.free},
                        {"per_node", own.per_node}});
    if (own.guessed) gpus.push_back(print_gpu(own.spec, &own));
  }
  for (const auto& gpu : estimator::known_gpus()) {
    const auto own =
        std::ranges::find(cluster, gpu.name, [](const ClusterGpu& one) { return one.spec.name; });
    gpus.push_back(print_gpu(gpu, own == cluster.end() ? nullptr : &*own));
  }
  Json networks = Json::array();
  for (const auto& network : estimator::known_networks())
    networks.push_back({{"name", network.name},
                        {"parameters_m", network.parameters_m},
                        {"forward_gflops", network.forward_gflops}});
  Json precisions = Json::array();
  using enum estimator::Precision;
  for (const auto precision : {fp32, tf32, fp16, bf16, fp8})
    precisions.push_back(estimator::to_string(precision));
  Json offers = Json::array();
  for (const auto& row : prices) add_offers(row, offers);
  return {{"gpus", std::move(gpus)},
          {"networks", std::move(networks)},
          {"precisions", std::move(precisions)},
          {"offers", std::move(offers)},
          {"cluster", std::move(own_gpus)}};
}

double rent_of(const estimator::GpuSpec& gpu, std::span<const estimator::PriceRow> prices) {
  double least = 0;
  for (const auto& row : prices) {
    if (!(row.usd_per_h > 0) || !(row.gpus > 0)) continue;
    const auto spec = estimator::find_gpu(row.gpu);
    if (!spec || spec->name != gpu.name) continue;
    const double each = row.usd_per_h / row.gpus;
    if (least == 0 || each < least) least = each;
  }
  return least;
}

}  // namespace galley::estimates
