#define PCRE2_CODE_UNIT_WIDTH 8
#include "protocol/metrics_spec.h"

#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>

#include "base/text.h"

namespace galley::protocol {
namespace {

// Far more groups than a line has metrics: the rest is a mistake.
constexpr std::uint32_t kMostGroups = 64;

struct FreePattern {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};

Status check_folder(const std::string& folder) {
  const auto refuse = [&](std::string found) {
    return Error{Errc::invalid_argument, std::move(found), "metrics.tensorboard",
                 "a folder below the one that the job runs in, such as runs"};
  };
  if (folder.starts_with('/')) return refuse("'" + folder.substr(0, 64) + "' is absolute");
  if (std::ranges::any_of(folder, [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    return refuse("found a control character");
  for (std::string_view rest = folder; !rest.empty();) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    if (rest.substr(0, end) == "..")
      return refuse("'" + folder.substr(0, 64) + "' leaves the job's folder");
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return ok();
}

}  // namespace

Status check_metric_pattern(std::string_view pattern, std::string_view field) {
  const auto refuse = [&](std::string found, std::string expected) {
    return Error{Errc::invalid_argument, std::move(found), std::string(field), std::move(expected)};
  };
  int code = 0;
  PCRE2_SIZE offset = 0;
  const std::unique_ptr<pcre2_code, FreePattern> compiled(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                    kMetricPatternOptions, &code, &offset, nullptr));
  if (!compiled) {
    PCRE2_UCHAR message[160] = {};
    pcre2_get_error_message(code, message, sizeof message);
    return refuse(fmt::format("wrong at character {}: {}", offset + 1,
                              reinterpret_cast<const char*>(message)),
                  "a regular expression as Perl and PCRE2 write it");
  }
  std::uint32_t groups = 0;
  std::uint32_t names = 0;
  pcre2_pattern_info(compiled.get(), PCRE2_INFO_CAPTURECOUNT, &groups);
  pcre2_pattern_info(compiled.get(), PCRE2_INFO_NAMECOUNT, &names);
  if (names == 0)
    return refuse("it names no group",
                  "groups such as (?<step>\\d+), (?<epoch>\\d+), (?<loss>[\\d.]+)");
  if (groups > kMostGroups)
    return refuse(fmt::format("found {} groups", groups), fmt::format("at most {}", kMostGroups));
  return ok();
}

Result<MetricGoal> parse_metric_goal(std::string_view text, std::string_view field) {
  const Error wrong{Errc::invalid_argument, "found '" + std::string(text.substr(0, 64)) + "'",
                    std::string(field), "a metric, <= or >=, and a number, such as loss <= 0.3"};
  const std::size_t sign = text.find_first_of("<>");
  if (sign == std::string_view::npos) return wrong;
  std::string_view name = trim(text.substr(0, sign));
  const bool lower = text[sign] == '<';
  std::string_view rest = text.substr(sign + 1);
  if (rest.starts_with('=')) rest.remove_prefix(1);
  rest = trim(rest);
  double value = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (name.empty() || name.size() > 250 || error != std::errc{} ||
      end != rest.data() + rest.size() || !std::isfinite(value))
    return wrong;
  return MetricGoal{std::string(name), value, lower};
}

Status check_metrics(const MetricsSpec& metrics) {
  if (!metrics.pattern && !metrics.tensorboard && !metrics.target)
    return Error{Errc::invalid_argument, "it says nothing", "metrics",
                 "pattern, tensorboard or target"};
  if (metrics.target)
    GALLEY_TRY_STATUS(
        parse_metric_goal(*metrics.target, "metrics.target").and_then([](auto) { return ok(); }));
  if (metrics.pattern) GALLEY_TRY_STATUS(check_metric_pattern(*metrics.pattern, "metrics.pattern"));
  if (metrics.tensorboard) GALLEY_TRY_STATUS(check_folder(*metrics.tensorboard));
  return ok();
}

}  // namespace galley::protocol
