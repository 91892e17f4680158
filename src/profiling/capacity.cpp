#include "profiling/capacity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "answer_build.h"
#include "answer_figures.h"
#include "answer_statistics.h"
#include "drift.h"
#include "plot/axis.h"

namespace galley::profiling {
namespace {

constexpr double kHoursAMonth = 730;
constexpr std::size_t kMostRows = 5;

/// What was measured with so many users.
struct Users {
  double users = 0;
  std::optional<Interval> p99_ms;  // none where they were measured only once
  double least_p99_ms = 0;         // as it was measured, on a busy machine too
  double tokens_per_s = 0, requests_per_s = 0;
};

std::vector<Users> users_of(const Figures& figures, const Drift& drift) {
  auto counts = complete_columns(figures, {"users", "p99_latency_ms"})[0];
  std::ranges::sort(counts);
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  std::vector<Users> all;
  for (const double count : counts) {
    if (count < 1) continue;
    const auto of = [&](std::string_view column) {
      return by_repetition(figures, "users", fmt::format("{:g}", count), column);
    };
    Users one{.users = count, .p99_ms = {}, .tokens_per_s = typical(of("tokens_per_s"))};
    // Who asks again as soon as answered asks once in each answer's time.
    if (const double p50 = typical(of("p50_latency_ms")); p50 > 0)
      one.requests_per_s = count / (p50 / 1e3);
    std::vector<double> p99;
    for (const auto& [repetition, value] : of("p99_latency_ms")) p99.push_back(value);
    one.p99_ms = geometric_interval(p99);
    if (one.p99_ms) {
      one.least_p99_ms = one.p99_ms->low;
      one.p99_ms = widened_time(*one.p99_ms, drift);
    }
    all.push_back(one);
  }
  return all;
}

/// Round limits from below what the fewest users take to above what the most do.
std::vector<double> round_limits(const std::vector<Users>& all) {
  double low = 0, high = 0;
  for (const Users& one : all) {
    if (!one.p99_ms) continue;
    low = low > 0 ? std::min(low, one.least_p99_ms) : one.least_p99_ms;
    high = std::max(high, one.p99_ms->high);
  }
  std::vector<double> limits;
  if (low <= 0) return limits;
  for (double power = std::pow(10, std::floor(std::log10(low))); power <= high * 10; power *= 10)
    for (const double factor : {1.0, 2.0, 5.0})
      if (power * factor >= low && (limits.empty() || limits.back() < high))
        limits.push_back(power * factor);
  while (limits.size() > kMostRows) limits.erase(limits.begin() + 1);
  return limits;
}

void add_costs(CapacityRow& row, double price_per_hour) {
  if (price_per_hour <= 0 || row.users == 0) return;
  row.usd_per_user_month = price_per_hour * kHoursAMonth / row.users;
  if (row.tokens_per_s > 0)
    row.usd_per_million_tokens = price_per_hour / (row.tokens_per_s * 3600) * 1e6;
  if (row.requests_per_s > 0)
    row.usd_per_thousand_requests = price_per_hour / (row.requests_per_s * 3600) * 1e3;
}

std::string sentence_of(const CapacityRow& row) {
  const std::string limit = in_unit(row.p99_limit_ms, Unit::ms);
  std::string text;
  if (row.users == 0) {
    text =
        row.not_enough_for
            ? fmt::format(
                  "No number of users keeps within {}: with {} the slowest of a hundred "
                  "requests takes {}",
                  limit, *row.not_enough_for, in_unit(row.p99_ms, Unit::ms))
            : fmt::format("Cannot tell who keeps within {}: no number of users was measured twice",
                          limit);
    return text + ".";
  }
  text = fmt::format("{} {} at once {} within {}: the slowest of a hundred requests takes {}",
                     row.users, row.users == 1 ? "user" : "users",
                     row.users == 1 ? "keeps" : "keep", limit, in_unit(row.p99_ms, Unit::ms));
  text += row.not_enough_for ? fmt::format("; {} do not, or not surely", *row.not_enough_for)
                             : std::string("; more were not measured");
  if (row.usd_per_million_tokens)
    text += fmt::format("; a million tokens cost ${:.2f}, a user ${:.2f} a month",
                        *row.usd_per_million_tokens, *row.usd_per_user_month);
  return text + ".";
}

}  // namespace

std::vector<CapacityRow> capacity_table(const Profile& profile, const CapacityOptions& options) {
  const Experiment* experiment = profile.find("capacity");
  if (experiment == nullptr) return {};
  const auto all = users_of(Figures(*experiment), drift_of(profile, "capacity"));
  if (all.empty()) return {};
  std::vector<CapacityRow> rows;
  for (const double limit :
       options.p99_limits_ms.empty() ? round_limits(all) : options.p99_limits_ms) {
    CapacityRow row;
    row.p99_limit_ms = limit;
    bool first = true;
    for (const Users& one : all) {
      if (!one.p99_ms) continue;
      if (first) row.p99_ms = *one.p99_ms;
      first = false;
      // The first number that may miss the limit ends it, whatever luck larger ones had.
      if (one.p99_ms->high > limit) {
        row.not_enough_for = static_cast<std::uint32_t>(one.users);
        break;
      }
      row.users = static_cast<std::uint32_t>(one.users);
      row.p99_ms = *one.p99_ms;
      row.tokens_per_s = one.tokens_per_s;
      row.requests_per_s = one.requests_per_s;
    }
    add_costs(row, options.price_per_hour_usd);
    row.sentence = sentence_of(row);
    rows.push_back(std::move(row));
  }
  return rows;
}

nlohmann::json capacity_json(const std::vector<CapacityRow>& rows) {
  auto list = nlohmann::json::array();
  for (const CapacityRow& row : rows) {
    nlohmann::json one{
        {"p99_limit_ms", row.p99_limit_ms},
        {"users", row.users},
        {"p99_ms",
         {{"value", row.p99_ms.value}, {"low", row.p99_ms.low}, {"high", row.p99_ms.high}}},
        {"tokens_per_s", row.tokens_per_s},
        {"requests_per_s", row.requests_per_s},
        {"sentence", row.sentence}};
    if (row.not_enough_for) one["not_enough_for"] = *row.not_enough_for;
    if (row.usd_per_million_tokens) one["usd_per_million_tokens"] = *row.usd_per_million_tokens;
    if (row.usd_per_thousand_requests)
      one["usd_per_thousand_requests"] = *row.usd_per_thousand_requests;
    if (row.usd_per_user_month) one["usd_per_user_month"] = *row.usd_per_user_month;
    list.push_back(std::move(one));
  }
  return list;
}

}  // namespace galley::profiling
