#include <cmath>

#include "base/json.h"
#include "scheduler/start_estimator.h"

namespace galley::scheduler {
namespace {

/// Names of teams come from outside; nobody has more kinds of jobs than this.
constexpr std::size_t kMostFileKinds = 100'000;
constexpr double kLargest = 1e9;

Error wrong(const char* field) {
  return Error{Errc::invalid_argument, "what the start estimator had learnt cannot be read", field,
               "what StartEstimator::dump wrote"};
}

bool read_number(const Json& json, double& out) {
  if (!json.is_number()) return false;
  out = json.get<double>();
  return std::isfinite(out) && std::abs(out) <= kLargest;
}

template <class Numbers>
bool read_numbers(const Json& json, Numbers& out) {
  if (!json.is_array() || json.size() != out.size()) return false;
  for (std::size_t i = 0; i < out.size(); ++i)
    if (!read_number(json[i], out[i])) return false;
  return true;
}

const Json& child(const Json& json, const char* name) {
  static const Json none;
  if (!json.is_object()) return none;
  const auto found = json.find(name);
  return found == json.end() ? none : *found;
}

}  // namespace

std::string StartEstimator::dump() const {
  const auto print = [](const Bucket& bucket) {
    return Json{{"errors", bucket.errors},
                {"next", bucket.next},
                {"low_level", bucket.low_level},
                {"high_level", bucket.high_level}};
  };
  Json buckets = Json::array();
  for (const Bucket& bucket : buckets_) buckets.push_back(print(bucket));
  const auto print_rate = [](const Rate& rate) {
    return Json{{"count", rate.count}, {"at_ms", to_ms(rate.at)}};
  };
  Json rates = Json::array();
  for (const auto& [team, rate] : starts_of_team_) {
    rates.push_back(print_rate(rate));
    rates.back()["team"] = team;
  }
  Json teams = Json::array();
  for (const auto& [key, value] : recent_of_team_)
    teams.push_back({{"team", key.first}, {"size", key.second}, {"log_wait", value}});
  Json sizes = Json::array();
  for (const auto& [size, value] : recent_of_size_)
    sizes.push_back({{"size", size}, {"log_wait", value}});
  return dump_json({{"version", 1},
                    {"buckets", buckets},
                    {"all", print(all_)},
                    {"starts", print_rate(starts_)},
                    {"rates", rates},
                    {"teams", teams},
                    {"sizes", sizes},
                    {"kept", kept_},
                    {"next_kept", next_kept_}});
}

Result<StartEstimator> StartEstimator::parse(std::string_view text) {
  GALLEY_TRY(const Json json, parse_json(text));
  StartEstimator estimator;
  if (child(json, "version") != 1) return wrong("version");

  const auto read_bucket = [](const Json& from, Bucket& bucket) {
    const Json& errors = child(from, "errors");
    const Json& next = child(from, "next");
    if (!errors.is_array() || errors.size() > kWindow || !next.is_number_unsigned()) return false;
    bucket.errors.resize(errors.size());
    bucket.next = next.get<std::size_t>();
    return read_numbers(errors, bucket.errors) && bucket.next < kWindow &&
           read_number(child(from, "low_level"), bucket.low_level) &&
           read_number(child(from, "high_level"), bucket.high_level);
  };
  const Json& buckets = child(json, "buckets");
  if (!buckets.is_array() || buckets.size() != kBuckets) return wrong("buckets");
  for (std::size_t i = 0; i < kBuckets; ++i)
    if (!read_bucket(buckets[i], estimator.buckets_[i])) return wrong("buckets");
  if (!read_bucket(child(json, "all"), estimator.all_)) return wrong("all");

  const auto read_kinds = [](const Json& list, const auto& take) {
    if (!list.is_array() || list.size() > kMostFileKinds) return false;
    for (const Json& entry : list) {
      const Json& size = child(entry, "size");
      double value = 0;
      if (!size.is_number_integer() || !read_number(child(entry, "log_wait"), value) ||
          !take(entry, size.get<std::int64_t>(), value))
        return false;
    }
    return true;
  };
  const auto take_team = [&](const Json& entry, std::int64_t size, double value) {
    const Json& team = child(entry, "team");
    if (!team.is_string()) return false;
    estimator.recent_of_team_[{team.get<std::string>(), size}] = value;
    return true;
  };
  const auto take_size = [&](const Json&, std::int64_t size, double value) {
    estimator.recent_of_size_[size] = value;
    return true;
  };
  if (!read_kinds(child(json, "teams"), take_team)) return wrong("teams");
  if (!read_kinds(child(json, "sizes"), take_size)) return wrong("sizes");

  const auto read_rate = [](const Json& from, Rate& rate) {
    const Json& at = child(from, "at_ms");
    if (!at.is_number_integer() || !read_number(child(from, "count"), rate.count)) return false;
    rate.at = from_ms(at.get<std::int64_t>());
    return rate.count >= 0;
  };
  if (!read_rate(child(json, "starts"), estimator.starts_)) return wrong("starts");
  const Json& rates = child(json, "rates");
  if (!rates.is_array() || rates.size() > kMostFileKinds) return wrong("rates");
  for (const Json& entry : rates) {
    const Json& team = child(entry, "team");
    if (!team.is_string() || !read_rate(entry, estimator.starts_of_team_[team.get<std::string>()]))
      return wrong("rates");
  }

  const Json& kept = child(json, "kept");
  const Json& next = child(json, "next_kept");
  if (!kept.is_array() || (!kept.empty() && kept.size() != kRecent)) return wrong("kept");
  for (const Json& value : kept) {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > 2) return wrong("kept");
    estimator.kept_.push_back(value.get<std::uint8_t>());
  }
  if (!next.is_number_unsigned() || next.get<std::uint64_t>() >= kRecent) return wrong("next_kept");
  estimator.next_kept_ = next.get<std::size_t>();
  return estimator;
}

}  // namespace galley::scheduler
