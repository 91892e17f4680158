#include "estimates/gpu_prices.h"

#include <span>

#include "base/file.h"
#include "controller/controller.h"
#include "estimator/shipped.h"
#include "options.h"

namespace galley::estimates {
namespace {

constexpr std::int64_t kMostPriceListBytes = 64 << 20;

std::string model_of(const std::vector<protocol::NodeRecord>& nodes, const std::string& device_id) {
  for (const auto& node : nodes)
    for (const auto& device : node.devices)
      if (device.id == device_id) return device.model;
  return {};
}

}  // namespace

Result<GpuPrices> GpuPrices::open(const std::filesystem::path& own) {
  GpuPrices prices;
  if (!own.empty()) {
    GALLEY_TRY(const auto text, read_file(own, kMostPriceListBytes));
    auto rows = estimator::parse_prices(text);
    if (!rows) {
      Error error = rows.error();
      error.message = own.string() + ": " + error.message;
      return error;
    }
    prices.rows_ = *std::move(rows);
    prices.own_ = prices.rows_.size();
  }
  GALLEY_TRY(auto shipped, estimator::parse_prices(estimator::shipped_prices()));
  std::ranges::move(shipped, std::back_inserter(prices.rows_));
  return prices;
}

double GpuPrices::usd_per_gpu_h(const estimator::GpuSpec& gpu) const {
  const std::span all(rows_);
  const double own = rent_of(gpu, all.first(own_));
  return own > 0 ? own : rent_of(gpu, all.subspan(own_));
}

double GpuPrices::usd_per_h_of(const controller::Controller& controller,
                               const protocol::JobRecord& job) const {
  const auto attempts = controller.attempts(job.id);
  if (!attempts || attempts->empty()) return 0;
  const auto nodes = controller.nodes();
  const double part = static_cast<double>(job.spec.resources.gpu_milli.value_or(1'000)) / 1'000;
  double sum = 0;
  for (const std::string& device : attempts->back().device_ids) {
    const auto gpu = estimator::find_gpu(model_of(nodes, device));
    const double each = gpu ? usd_per_gpu_h(*gpu) : 0;
    if (!(each > 0)) return 0;
    sum += part * each;
  }
  return sum;
}

}  // namespace galley::estimates
