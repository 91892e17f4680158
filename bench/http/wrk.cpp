#include "http/wrk.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json.h"
#include "process/child.h"

namespace galley::bench {
namespace {

constexpr std::string_view kResultMark = "\nRESULT ";

// wrk's own table rounds; this prints what it knows, in seconds and milliseconds.
constexpr std::string_view kPrintResult = R"(
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"seconds":%.6f,"p50_ms":%.4f,"p99_ms":%.4f,"failed":%d,"refused":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, errors.connect + errors.read + errors.write + errors.timeout,
    errors.status))
end
)";

}  // namespace

Status write_wrk_script(const std::filesystem::path& file, const std::string& lua) {
  return write_file_atomic(file, lua + std::string(kPrintResult), Durability::memory);
}

Result<WrkFigures> run_wrk(const WrkRun& run) {
  const auto output = process::run_child(
      {"wrk", "-t1", fmt::format("-c{}", run.connections), fmt::format("-d{}s", run.seconds),
       "--script", run.script.string(), run.url},
      {.timeout = Millis{(run.seconds + 20) * 1'000}});
  if (!output && output.error().code == Errc::not_found)
    return Error{Errc::not_found,
                 "this benchmark needs the program wrk",
                 {},
                 {},
                 "install it: apt-get install wrk"};
  if (!output) return output.error();
  const std::size_t at = output->stdout_bytes.rfind(kResultMark);
  if (!output->succeeded() || at == std::string::npos)
    return Error{Errc::unavailable, fmt::format("wrk ended with code {}: {}{}", output->exit_code,
                                                output->stdout_bytes, output->stderr_bytes)};
  GALLEY_TRY(const Json result, parse_json(output->stdout_bytes.substr(at + kResultMark.size())));
  const auto failed = result.at("failed").get<std::int64_t>();
  const auto refused = result.at("refused").get<std::int64_t>();
  if (failed + refused > 0)
    return Error{Errc::unavailable,
                 fmt::format("of {} requests to {}, {} failed and {} were refused",
                             result.at("requests").get<std::int64_t>(), run.url, failed, refused)};
  return WrkFigures{result.at("requests").get<double>() / result.at("seconds").get<double>(),
                    result.at("p50_ms"), result.at("p99_ms")};
}

}  // namespace galley::bench
