#include "forecast_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace galley::estimates {
namespace {

using store::Row;
using store::Transaction;
using store::Value;

constexpr std::string_view kForecastColumns =
    "job_id, name, similar_to, gpu_type, gpus, made, source, made_ms, low_s, p10_s, p50_s, p90_s,"
    " high_s, actual_s, ended_ms";

Forecast forecast_of(const Row& row) {
  Forecast forecast{.job = JobId::trusted(row.text(0)),
                    .name = row.text(1),
                    .similar_to = row.text(2),
                    .gpu_type = row.text(3),
                    .gpus = row.integer(4),
                    .made = row.text(5),
                    .source = row.text(6),
                    .at = from_ms(row.integer(7))};
  if (!row.is_null(10))
    forecast.expected =
        Quantiles{row.real(8), row.real(9), row.real(10), row.real(11), row.real(12)};
  if (!row.is_null(13)) forecast.actual_s = row.real(13);
  if (!row.is_null(14)) forecast.ended = from_ms(row.integer(14));
  return forecast;
}

}  // namespace

Status insert_forecast(Transaction& transaction, const Forecast& forecast) {
  const auto quantile = [&](double Quantiles::*member) {
    return forecast.expected ? Value((*forecast.expected).*member) : Value(nullptr);
  };
  return transaction.enqueue(
      fmt::format("insert into job_forecasts ({}) values (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10,"
                  " :11, :12, :13, null, null) on conflict (job_id) do nothing",
                  kForecastColumns),
      {forecast.job.str(), forecast.name, forecast.similar_to, forecast.gpu_type, forecast.gpus,
       forecast.made, forecast.source, to_ms(forecast.at), quantile(&Quantiles::low),
       quantile(&Quantiles::p10), quantile(&Quantiles::p50), quantile(&Quantiles::p90),
       quantile(&Quantiles::high)});
}

Status save_actual(Transaction& transaction, const JobId& job, double actual_s, WallTime at) {
  return transaction.enqueue(
      "update job_forecasts set actual_s = :2, ended_ms = :3 where job_id = :1",
      {job.str(), actual_s, to_ms(at)});
}

Result<std::optional<Forecast>> read_forecast(Transaction& transaction, const JobId& job) {
  GALLEY_TRY(const auto row,
             transaction.query_one(
                 fmt::format("select {} from job_forecasts where job_id = :1", kForecastColumns),
                 {job.str()}));
  if (!row) return std::optional<Forecast>{};
  return std::optional<Forecast>{forecast_of(*row)};
}

Result<std::vector<Forecast>> read_ended(Transaction& transaction, std::int64_t limit) {
  GALLEY_TRY(const auto rows,
             transaction.query(fmt::format("select {} from job_forecasts where ended_ms is not null"
                                           " and p50_s is not null and actual_s is not null"
                                           " order by ended_ms desc, job_id desc limit :1",
                                           kForecastColumns),
                               {limit}));
  std::vector<Forecast> ended;
  for (const Row& row : rows) ended.push_back(forecast_of(row));
  return ended;
}

Result<std::vector<Forecast>> read_open(Transaction& transaction) {
  GALLEY_TRY(const auto rows, transaction.query(fmt::format(
                                  "select {} from job_forecasts where p50_s is not null and"
                                  " job_id in (select id from jobs where state in"
                                  " ('queued', 'starting', 'running', 'cancelling'))",
                                  kForecastColumns)));
  std::vector<Forecast> open;
  for (const Row& row : rows) open.push_back(forecast_of(row));
  return open;
}

Result<std::vector<double>> read_similar(Transaction& transaction, const std::string& similar_to,
                                         std::int64_t limit) {
  GALLEY_TRY(const auto rows,
             transaction.query("select actual_s from job_forecasts where similar_to = :1 and"
                               " ended_ms is not null and actual_s is not null"
                               " order by ended_ms desc limit :2",
                               {similar_to, limit}));
  std::vector<double> seconds;
  for (const Row& row : rows) seconds.push_back(row.real(0));
  return seconds;
}

Accuracy accuracy_of(const std::vector<Forecast>& ended) {
  std::vector<double> errors;
  double covered = 0;
  for (const auto& one : ended) {
    if (!one.expected || !one.actual_s || !(*one.actual_s > 0)) continue;
    errors.push_back(100 * std::abs(*one.actual_s - one.expected->p50) / *one.actual_s);
    covered += *one.actual_s >= one.expected->low && *one.actual_s <= one.expected->high ? 1 : 0;
  }
  if (errors.empty()) return {};
  std::ranges::sort(errors);
  const std::size_t half = errors.size() / 2;
  const double median =
      errors.size() % 2 == 1 ? errors[half] : (errors[half - 1] + errors[half]) / 2;
  return {.count = std::ssize(errors),
          .mdape_pct = median,
          .coverage90_pct = 100 * covered / static_cast<double>(errors.size())};
}

}  // namespace galley::estimates
