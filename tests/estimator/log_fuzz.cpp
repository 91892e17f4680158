// The reader of programs' output: whatever the bytes, and however they are cut, the same is heard.
#include <cmath>
#include <cstdint>
#include <string>

#include "estimator/log_progress.h"

namespace {

std::string hear(std::string_view bytes, std::size_t chunk) {
  using namespace galley::estimator;
  LogReader reader;
  ProgressAssembler assembler;
  std::string heard;
  double second = 0;
  const auto sink = [&](const LogProgress& line) {
    heard += to_string(line.format);
    heard += line.step ? std::to_string(*line.step) : "-";
    for (const LogMetric& metric : line.metrics) heard += metric.name;
    for (const ProgressPoint& point : assembler.add(line, second += 1))
      GALLEY_CHECK(std::isfinite(point.at_s) && std::isfinite(point.progress),
                   "points are numbers");
  };
  for (std::size_t at = 0; at < bytes.size(); at += chunk)
    reader.feed(bytes.substr(at, chunk), sink);
  reader.finish(sink);
  return heard;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  GALLEY_CHECK(hear(bytes, size + 1) == hear(bytes, 3), "chunks do not matter");
  return 0;
}
