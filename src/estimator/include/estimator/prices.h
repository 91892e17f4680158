#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galley::estimator {

/// A machine that can be rented by the hour.
struct PriceRow {
  std::string cloud;     // "" when the list names none
  std::string instance;  // "p3.8xlarge"
  std::string region;
  std::string gpu;            // as the list writes it; find_gpu knows most of them
  double gpus = 0;            // of one instance; chips for TPUs
  double usd_per_h = 0;       // of the instance, on demand; 0: only spot
  double spot_usd_per_h = 0;  // 0: not offered
};

/// Reads SkyPilot's catalogue (InstanceType, AcceleratorName, AcceleratorCount, vCPUs, MemoryGiB,
/// Price, Region, GpuInfo, SpotPrice, in any order, more columns allowed) or lists of the same
/// facts under plainer names (GPU Type, GPUs, On-demand, Spot, Cloud; gpu, gpus, usd_per_hour).
/// Rows without an accelerator are skipped; a row without any price is too. Errors:
/// invalid_argument naming the columns that are missing and those that were found, or the line of a
/// price or count that is no number or below 0.
Result<std::vector<PriceRow>> parse_prices(std::string_view csv);

/// A machine that one owns, as its hours cost.
struct OwnedMachine {
  double purchase_usd = 0;
  double years = 3;  // over which it is written off
  double watts = 0;  // under load, the whole machine
  double usd_per_kwh = 0.15;
  double overhead_ratio = 1.4;  // cooling and distribution: PUE
  double usage_ratio = 0.7;     // share of hours in which it computes
  double staff_usd_per_h = 0;   // space, hands, spares
};

/// Power and staff of an hour of computing: what is paid only when it runs.
double running_usd_per_h(const OwnedMachine& machine);
/// That and the purchase spread over the hours that it computes.
double hourly_usd(const OwnedMachine& machine);

/// When a purchase pays.
struct BuyOrRent {
  bool pays = false;           // false: renting an hour costs no more than running one
  double break_even_h = 0;     // hours of computing after which both cost the same
  double break_even_days = 0;  // at the machine's usage_ratio
  double within_lifetime = 0;  // rented cost over owned cost in `years`; above 1 buy
};

/// Errors: invalid_argument for prices that are not above 0, or a usage that is not from 0 to 1.
Result<BuyOrRent> buy_or_rent(const OwnedMachine& machine, double rent_usd_per_h);

}  // namespace galley::estimator
