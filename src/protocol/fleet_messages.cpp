#include "protocol/fleet_messages.h"

#include <cmath>
#include <limits>

namespace galley::protocol {
namespace {

ProgressPoint to_wire(const ProgressReport::Point& point) {
  ProgressPoint wire{.key = point.key, .step = point.step, .at_ms = to_ms(point.at)};
  if (std::isfinite(point.value))
    wire.value = point.value;
  else
    wire.word = std::isnan(point.value) ? "nan" : point.value > 0 ? "inf" : "-inf";
  return wire;
}

Result<double> value_of(const ProgressPoint& point) {
  if (point.value) return *point.value;
  const std::string word = point.word.value_or("");
  if (word == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (word == "inf") return std::numeric_limits<double>::infinity();
  if (word == "-inf") return -std::numeric_limits<double>::infinity();
  return Error{Errc::invalid_argument, "a point of '" + point.key + "' has no number", "points",
               "value, or word: nan, inf or -inf"};
}

}  // namespace

ProgressMessage to_message(const ProgressReport& report, std::vector<ProgressFile> files) {
  ProgressMessage message{.attempt_id = report.attempt_id,
                          .job_id = report.job_id,
                          .run_id = report.run_id,
                          .rank = report.rank,
                          .from_offset = report.from_offset,
                          .to_offset = report.to_offset,
                          .points = {},
                          .files = std::move(files),
                          .texts = {}};
  message.points.reserve(report.points.size());
  for (const auto& point : report.points) message.points.push_back(to_wire(point));
  for (const auto& [key, value] : report.texts) message.texts.push_back({key, value});
  return message;
}

Result<ProgressReport> from_message(const ProgressMessage& message) {
  ProgressReport report;
  report.attempt_id = message.attempt_id;
  report.job_id = message.job_id;
  report.run_id = message.run_id;
  report.rank = message.rank;
  report.from_offset = message.from_offset;
  report.to_offset = message.to_offset;
  report.points.reserve(message.points.size());
  for (const ProgressPoint& point : message.points) {
    GALLEY_TRY(const double value, value_of(point));
    report.points.push_back({point.key, point.step, value, from_ms(point.at_ms)});
  }
  for (const ProgressText& text : message.texts) report.texts.emplace_back(text.key, text.value);
  return report;
}

}  // namespace galley::protocol
