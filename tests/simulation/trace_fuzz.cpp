// Traces and clusters: any bytes, from anywhere. What is accepted must be fit to be replayed.
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "simulation/cluster.h"
#include "simulation/trace.h"

namespace {

template <class T>
void check(const galley::Result<T>& result) {
  if (!result &&
      (result.error().message.empty() || !galley::is_valid_utf8(galley::describe(result.error()))))
    std::abort();
}

void check_trace(const galley::Result<galley::simulation::Trace>& trace) {
  check(trace);
  if (!trace) return;
  galley::WallTime last = galley::WallTime::min();
  for (const auto& job : trace->jobs) {
    if (job.submit < last || job.duration < galley::Millis{0} || job.gpus < 0 || job.nodes < 1 ||
        static_cast<std::size_t>(job.team) >= trace->teams.size())
      std::abort();
    last = job.submit;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley::simulation;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_trace(parse_philly("f", bytes));
  check_trace(parse_openb("f", bytes));
  check_trace(parse_history("f", bytes));
  check(parse_cluster(bytes));
  check(parse_cluster_json(bytes));
  return 0;
}
