#include "estimator/prices.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "estimator/csv.h"

namespace galley::estimator {
namespace {

constexpr double kHoursOfYear = 365.25 * 24;

struct PriceColumns {
  std::size_t gpu, gpus, price, spot, instance, region, cloud;
};

Result<PriceColumns> price_columns(const CsvTable& table) {
  const PriceColumns columns{
      table.column({"AcceleratorName", "GPU Type", "gpu", "accelerator"}),
      table.column({"AcceleratorCount", "GPUs", "gpus", "accelerators"}),
      table.column({"Price", "On-demand", "Per-Hour", "usd_per_hour", "price_per_hour", "price"}),
      table.column({"SpotPrice", "Spot", "spot_usd_per_hour", "spot"}),
      table.column({"InstanceType", "Name", "instance", "Instance"}),
      table.column({"Region", "region"}),
      table.column({"Cloud", "Vendor", "cloud"})};
  std::string missing;
  const auto require = [&](std::size_t column, const char* name) {
    if (column == CsvTable::kAbsent) missing += std::string(missing.empty() ? "" : ", ") + name;
  };
  require(columns.gpu, "AcceleratorName");
  require(columns.gpus, "AcceleratorCount");
  require(columns.price, "Price");
  if (missing.empty()) return columns;
  std::string found;
  for (const auto& name : table.header) {
    if (found.size() > 200) break;
    found += (found.empty() ? "" : ", ") + name.substr(0, 60);
  }
  return Error{.code = Errc::invalid_argument,
               .message = "the price list lacks the columns " + missing + "; it has " + found,
               .field = "prices",
               .expected =
                   "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,"
                   "Region,GpuInfo,SpotPrice"};
}

/// An empty field, "-" or "N/A" is 0: not offered.
Result<double> price_number(const CsvTable& table, std::size_t row, std::size_t column) {
  if (column == CsvTable::kAbsent) return 0.0;
  const auto field = trim(table.rows[row][column]);
  if (field.empty() || field == "-" || field == "N/A" || field == "nan") return 0.0;
  const auto value = csv_number(field);
  if (value && *value >= 0 && *value < 1e7) return *value;
  return Error{.code = Errc::invalid_argument,
               .message = "line " + std::to_string(table.lines[row]) + " of the price list: '" +
                          std::string(field.substr(0, 40)) + "' in column " + table.header[column],
               .field = "prices",
               .expected = "a number from 0"};
}

/// Chips of a slice such as tpu-v4-8: up to v4, and of v5p, its number counts cores, two on a chip.
/// 1 for anything else.
double chips_of_slice(std::string_view gpu) {
  constexpr std::string_view kBegin = "tpu-v";
  const auto dash = gpu.rfind('-');
  if (!gpu.starts_with(kBegin) || dash <= kBegin.size()) return 1;
  const auto count = csv_number(gpu.substr(dash + 1));
  if (!count || *count < 1 || *count > 1e5) return 1;
  const auto version = gpu.substr(kBegin.size(), dash - kBegin.size());
  const bool cores = version == "2" || version == "3" || version == "4" || version == "5p";
  return cores ? std::max(*count / 2, 1.0) : *count;
}

}  // namespace

Result<std::vector<PriceRow>> parse_prices(std::string_view csv) {
  GALLEY_TRY(const auto table, parse_csv(csv));
  GALLEY_TRY(const auto columns, price_columns(table));
  const auto text = [&](std::size_t row, std::size_t column) {
    return column == CsvTable::kAbsent ? std::string() : std::string(trim(table.rows[row][column]));
  };
  std::vector<PriceRow> rows;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    PriceRow row{.cloud = text(i, columns.cloud),
                 .instance = text(i, columns.instance),
                 .region = text(i, columns.region),
                 .gpu = text(i, columns.gpu)};
    if (row.gpu.empty()) continue;
    GALLEY_TRY(row.gpus, price_number(table, i, columns.gpus));
    row.gpus *= chips_of_slice(row.gpu);
    GALLEY_TRY(row.usd_per_h, price_number(table, i, columns.price));
    GALLEY_TRY(row.spot_usd_per_h, price_number(table, i, columns.spot));
    if (row.gpus > 0 && (row.usd_per_h > 0 || row.spot_usd_per_h > 0))
      rows.push_back(std::move(row));
  }
  return rows;
}

double running_usd_per_h(const OwnedMachine& machine) {
  return machine.watts / 1000 * machine.overhead_ratio * machine.usd_per_kwh +
         machine.staff_usd_per_h;
}

double hourly_usd(const OwnedMachine& machine) {
  return machine.purchase_usd / (machine.years * kHoursOfYear * machine.usage_ratio) +
         running_usd_per_h(machine);
}

Result<BuyOrRent> buy_or_rent(const OwnedMachine& machine, double rent_usd_per_h) {
  const auto wrong = [](const char* field, double value, const char* expected) {
    return Error{.code = Errc::invalid_argument,
                 .message = std::string(field) + " is " + std::to_string(value),
                 .field = field,
                 .expected = expected};
  };
  for (const auto& [field, value] :
       std::array<std::pair<const char*, double>, 3>{{{"purchase", machine.purchase_usd},
                                                      {"years", machine.years},
                                                      {"rent", rent_usd_per_h}}})
    if (!(value > 0) || !std::isfinite(value)) return wrong(field, value, "above 0");
  if (!(machine.usage_ratio > 0) || machine.usage_ratio > 1)
    return wrong("usage", machine.usage_ratio, "above 0, at most 1");
  const double running = running_usd_per_h(machine);
  if (!(running >= 0) || !std::isfinite(running)) return wrong("power", running, "from 0");
  BuyOrRent answer;
  const double hours = machine.years * kHoursOfYear * machine.usage_ratio;
  answer.within_lifetime = rent_usd_per_h * hours / (machine.purchase_usd + running * hours);
  if (rent_usd_per_h <= running) return answer;
  answer.pays = true;
  answer.break_even_h = machine.purchase_usd / (rent_usd_per_h - running);
  answer.break_even_days = answer.break_even_h / 24 / machine.usage_ratio;
  return answer;
}

}  // namespace galley::estimator
