#include "estimates/live_etas.h"
#include "forecast_rows.h"

namespace galley::estimates {

LivePrior prior_of_forecast(store::Database& database, const protocol::JobRecord& job) {
  LivePrior prior;
  (void)database
      .read([&](store::Transaction& transaction) -> Status {
        GALLEY_TRY(const auto forecast, read_forecast(transaction, job.id));
        // One that was made while it ran has seen its steps already.
        if (!forecast || !forecast->expected || forecast->made != "before") return ok();
        const Quantiles& expected = *forecast->expected;
        prior.total_s = estimator::Spread{expected.p10, expected.p50, expected.p90};
        return ok();
      })
      .has_value();
  return prior;
}

}  // namespace galley::estimates
