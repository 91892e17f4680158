#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"

namespace galley::bench {

struct WrkRun {
  std::string url;
  std::filesystem::path script;  // from write_wrk_script()
  std::int64_t connections = 8;
  std::int64_t seconds = 2;
};

struct WrkFigures {
  double requests_per_s = 0;
  double p50_ms = 0;
  double p99_ms = 0;
};

/// What each request is; `lua` sets wrk.method, wrk.headers or defines request().
Status write_wrk_script(const std::filesystem::path& file, const std::string& lua);

/// One measurement with one client thread. Errors: not_found (wrk is not installed), unavailable
/// (a request failed or was answered with a status other than 2xx: how many).
Result<WrkFigures> run_wrk(const WrkRun& run);

}  // namespace galley::bench
