#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace galley::api {

/// Counts of durations in buckets that grow by about 2.5, as Prometheus wants them. Not
/// thread-safe.
class Histogram {
 public:
  static constexpr std::array<double, 14> kBoundsSeconds{
      0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5, 10};
  void add(std::chrono::nanoseconds took);
  /// Lines NAME_bucket{le="…"}, NAME_sum and NAME_count. `labels` is "" or `route="…"`.
  void print(std::string& out, std::string_view name, std::string_view labels) const;

 private:
  std::array<std::int64_t, kBoundsSeconds.size() + 1> counts_{};
  double sum_seconds_ = 0;
};

/// What /metrics says about requests. Thread-safe. O(log routes) a request.
class RequestMetrics {
 public:
  void request(std::string_view pattern, int status, std::chrono::nanoseconds took);
  /// Time to answer one prediction request inside the model host and its parsing and printing.
  void prediction(std::chrono::nanoseconds took);
  void print(std::string& out) const;

 private:
  struct Route {
    std::map<int, std::int64_t> by_status;
    Histogram took;
  };
  mutable std::mutex mutex_;  // guards all below
  std::map<std::string, Route, std::less<>> routes_;
  Histogram predictions_;
};

/// "# HELP name help\n# TYPE name type\n".
void print_header(std::string& out, std::string_view name, std::string_view help,
                  std::string_view type);

}  // namespace galley::api
