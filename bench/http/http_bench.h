#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct HttpBenchOptions {
  std::filesystem::path programs;  // the folder of galley, galley-job and galley-train
  std::int64_t rounds = 5;         // each measures both routes, one after the other
  std::int64_t seconds = 2;        // of one measurement
  std::int64_t connections = 8;    // kept alive
};

/// `galley bench http`: a real `galley up` with a classifier trained and deployed by it, measured
/// by wrk (one thread) over TCP on this machine; client and server share its cores.
///
/// Figures, medians over the rounds: healthz_rps and healthz_p99_ms of an empty GET /healthz;
/// predict_rps, predict_p50_ms and predict_p99_ms of POST /v1/predict with one review each. Also
/// predict_rps_min and healthz_rps_min (the worst round), server_cores_used (processor seconds of
/// the server in a second of predictions), connections.
/// Errors: not_found (no wrk), unavailable (the server or a request failed).
Result<BenchReport> run_http_bench(const HttpBenchOptions& options);

}  // namespace galley::bench
