#define PCRE2_CODE_UNIT_WIDTH 8
#include "protocol/metrics_spec.h"

#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>
#include <memory>

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

Status check_metrics(const MetricsSpec& metrics) {
  if (!metrics.pattern && !metrics.tensorboard)
    return Error{Errc::invalid_argument, "it says neither where nor how metrics are found",
                 "metrics", "pattern, tensorboard or both"};
  if (metrics.pattern) GALLEY_TRY_STATUS(check_metric_pattern(*metrics.pattern, "metrics.pattern"));
  if (metrics.tensorboard) GALLEY_TRY_STATUS(check_folder(*metrics.tensorboard));
  return ok();
}

}  // namespace galley::protocol
