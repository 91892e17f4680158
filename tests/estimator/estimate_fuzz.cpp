// Files that estimates are made from: models, price lists, rows to learn from, requests. What is
// read never makes an estimate that is no number or out of order.
#include <cmath>
#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "estimator/dnn_file.h"
#include "estimator/request.h"
#include "estimator/rows.h"

namespace {

using namespace galley::estimator;

void use_model(const EstimatorModel& model) {
  JobFeatures job{.network = known_networks()[6], .gpu = known_gpus()[12]};
  for (const double batch : {1.0, 1e6}) {
    job.batch_per_gpu = batch;
    const auto estimate = predict(model, job);
    GALLEY_CHECK(estimate, "the job is in range");
    GALLEY_CHECK(std::isfinite(estimate->step_s) && estimate->step_s > 0, "a time");
    GALLEY_CHECK(estimate->step_s_low <= estimate->step_s, "an interval");
    GALLEY_CHECK(estimate->step_s <= estimate->step_s_high, "an interval");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto model = parse_model(bytes)) use_model(*model);
  if (const auto network = parse_dnn(bytes)) {
    const JobFeatures job{.network = known_networks()[6], .gpu = known_gpus()[12]};
    (void)predict_step_s(*network, job);
  }
  if (const auto rows = parse_rows(bytes))
    for (const auto& row : rows->rows)
      GALLEY_CHECK(std::isfinite(physics_step_s({}, row.job)), "a job in range has a time");
  if (const auto prices = parse_prices(bytes)) {
    std::size_t skipped = 0;
    (void)offers_from_prices(*prices, true, {1, 8}, skipped);
  }
  if (const auto json = galley::parse_json(bytes))
    if (const auto request = parse_request(*json))
      (void)advise({}, request->work, request->offers, request->limits);
  return 0;
}
