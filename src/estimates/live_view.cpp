#include "live_view.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace galley::estimates {
namespace {

protocol::SpreadRecord view_spread(const estimator::Spread& spread) {
  return {spread.p10, spread.p50, spread.p90};
}

WallTime in_seconds(WallTime now, double seconds) {
  // Ten years: what is further away is no time that means anything, and fits every store.
  constexpr double kFurthest = 10 * 365.25 * 86'400;
  return now + Millis(static_cast<std::int64_t>(std::clamp(seconds, 0.0, kFurthest) * 1'000));
}

bool is_usable(const estimator::Spread& spread) {
  return std::isfinite(spread.p10) && std::isfinite(spread.p50) && std::isfinite(spread.p90);
}

protocol::EtaStationary view_stationarity(estimator::Stationarity stationarity) {
  using estimator::Stationarity;
  if (stationarity == Stationarity::stationary) return protocol::EtaStationary::yes;
  if (stationarity == Stationarity::not_stationary) return protocol::EtaStationary::no;
  return protocol::EtaStationary::too_short_to_tell;
}

}  // namespace

protocol::JobEta view_eta(const estimator::EtaEstimate& estimate,
                          const estimator::Stability& stability, WallTime now, bool priced) {
  using estimator::EtaSource;
  protocol::JobEta eta;
  eta.from = estimate.source == EtaSource::prior ? protocol::EtaBasis::before
                                                 : protocol::EtaBasis::progress;
  if (estimate.source != EtaSource::nothing && is_usable(estimate.remaining_s)) {
    eta.remaining_s = view_spread(estimate.remaining_s);
    eta.finish_at = in_seconds(now, estimate.remaining_s.p50);
    if (priced) eta.cost_remaining_usd = view_spread(estimate.remaining_cost_usd);
  }
  eta.step = estimate.progress;
  eta.total_steps = estimate.total_progress;
  if (estimate.total_progress && *estimate.total_progress > 0)
    eta.progress_ratio = std::clamp(estimate.progress / *estimate.total_progress, 0.0, 1.0);
  if (estimate.step_s > 0) eta.step_s = estimate.step_s;
  if (estimate.source == EtaSource::history)
    eta.earlier_runs = std::max<std::int64_t>(1, std::llround(estimate.earlier_runs));
  eta.stationary = view_stationarity(stability.stationarity);
  if (stability.test) eta.p_value = stability.test->p_value;
  if (stability.points > 1 && std::isfinite(stability.coefficient_of_variation))
    eta.variation_ratio = stability.coefficient_of_variation;
  return eta;
}

protocol::TargetEta view_target(const estimator::TargetEstimate& estimate, WallTime now) {
  using estimator::TargetAnswer;
  protocol::TargetEta target;
  switch (estimate.answer) {
    case TargetAnswer::reached:
      target.outlook = protocol::TargetOutlook::reached;
      break;
    case TargetAnswer::out_of_reach:
      target.outlook = protocol::TargetOutlook::out_of_reach;
      break;
    case TargetAnswer::cannot_tell:
      break;
    case TargetAnswer::expected:
      if (!is_usable(estimate.remaining_s)) break;
      target.outlook = protocol::TargetOutlook::expected;
      target.remaining_s = view_spread(estimate.remaining_s);
      target.finish_at = in_seconds(now, estimate.remaining_s.p50);
      target.step = view_spread(estimate.progress);
      break;
  }
  return target;
}

}  // namespace galley::estimates
