#include "request_metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace galley::api {

void Histogram::add(std::chrono::nanoseconds took) {
  const double seconds = std::chrono::duration<double>(took).count();
  const auto bucket = std::ranges::lower_bound(kBoundsSeconds, seconds);
  ++counts_[static_cast<std::size_t>(bucket - kBoundsSeconds.begin())];
  sum_seconds_ += seconds;
}

void Histogram::print(std::string& out, std::string_view name, std::string_view labels) const {
  const std::string_view comma = labels.empty() ? "" : ",";
  std::int64_t total = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    total += counts_[i];
    const std::string bound =
        i < kBoundsSeconds.size() ? fmt::format("{}", kBoundsSeconds[i]) : "+Inf";
    fmt::format_to(std::back_inserter(out), "{}_bucket{{{}{}le=\"{}\"}} {}\n", name, labels, comma,
                   bound, total);
  }
  const std::string braces = labels.empty() ? std::string() : fmt::format("{{{}}}", labels);
  fmt::format_to(std::back_inserter(out), "{0}_sum{1} {2}\n{0}_count{1} {3}\n", name, braces,
                 sum_seconds_, total);
}

void RequestMetrics::request(std::string_view pattern, int status, std::chrono::nanoseconds took) {
  const std::string_view route = pattern.empty() ? "none" : pattern;
  const std::lock_guard lock(mutex_);
  auto found = routes_.find(route);
  if (found == routes_.end()) found = routes_.emplace(route, Route{}).first;
  ++found->second.by_status[status];
  found->second.took.add(took);
}

void RequestMetrics::prediction(std::chrono::nanoseconds took) {
  const std::lock_guard lock(mutex_);
  predictions_.add(took);
}

void RequestMetrics::print(std::string& out) const {
  const std::lock_guard lock(mutex_);
  print_header(out, "galley_http_requests_total", "Requests answered, by route and status.",
               "counter");
  for (const auto& [route, entry] : routes_)
    for (const auto& [status, count] : entry.by_status)
      fmt::format_to(std::back_inserter(out),
                     "galley_http_requests_total{{route=\"{}\",code=\"{}\"}} {}\n", route, status,
                     count);
  print_header(out, "galley_http_request_seconds",
               "Time from a complete request head to the end of its answer.", "histogram");
  for (const auto& [route, entry] : routes_)
    entry.took.print(out, "galley_http_request_seconds", fmt::format("route=\"{}\"", route));
  print_header(out, "galley_predict_seconds",
               "Time to read, compute and print the answer to one prediction request.",
               "histogram");
  predictions_.print(out, "galley_predict_seconds", "");
}

void print_header(std::string& out, std::string_view name, std::string_view help,
                  std::string_view type) {
  fmt::format_to(std::back_inserter(out), "# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
}

}  // namespace galley::api
