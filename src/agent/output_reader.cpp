#include "output_reader.h"

#include <algorithm>
#include <cmath>

namespace galley::agent {
namespace {

using estimator::LogFormat;
using estimator::LogPhase;
using estimator::LogProgress;

// A program that invents names without end must not take our memory.
constexpr std::size_t kMostFoundKeys = 2'000;
constexpr double kLargestFoundStep = 9e15;  // whole numbers past it are not exact in a double

/// Clocks of other machines, and of other centuries, are not believed.
std::int64_t time_of(const LogProgress& line, WallTime now) {
  constexpr double kFurthestOff_s = 86'400;
  const std::int64_t now_ms = to_ms(now);
  if (!line.at_s || !(std::abs(*line.at_s - static_cast<double>(now_ms) / 1e3) < kFurthestOff_s))
    return now_ms;
  return std::min(static_cast<std::int64_t>(*line.at_s * 1e3), now_ms);
}

std::string key_of(const LogProgress& line, std::string_view name) {
  std::string key(kFoundKeyPrefix);
  const bool says_so = name.find("eval") != name.npos || name.find("val") != name.npos ||
                       name.find("test") != name.npos;
  if (line.phase == LogPhase::evaluation && !says_so) key += "eval_";
  return key + std::string(name);
}

}  // namespace

void OutputReader::set_pattern(const std::string& pattern) {
  has_pattern_ = reader_.add_pattern(pattern).has_value();
}

void OutputReader::feed(std::string_view bytes, WallTime now) {
  reader_.feed(bytes, [&](const LogProgress& line) { add(line, now); });
}

void OutputReader::finish(WallTime now) {
  reader_.finish([&](const LogProgress& line) { add(line, now); });
}

void OutputReader::add(const LogProgress& line, WallTime now) {
  if (line.format == LogFormat::own) {
    saw_own_line_ = true;
    return;
  }
  const std::int64_t at_ms = time_of(line, now);
  if (line.format == LogFormat::custom)
    add_by_pattern(line, at_ms);
  else if (!only_pattern_ && !saw_own_line_ && line.phase != LogPhase::other)
    add_by_form(line, at_ms);
}

/// Its names are the user's own, and so are the keys.
void OutputReader::add_by_pattern(const LogProgress& line, std::int64_t at_ms) {
  if (line.total_steps) push_change("total_steps", line.step, *line.total_steps, at_ms);
  if (line.total_epochs) push_change("total_epochs", line.step, *line.total_epochs, at_ms);
  if (line.epoch) push_change("epoch", line.step, *line.epoch, at_ms);
  for (const auto& metric : line.metrics)
    push(std::string(metric.name), line.step, metric.value, at_ms);
  if (line.metrics.empty() && line.step) push("step", line.step, *line.step, at_ms);
}

void OutputReader::add_by_form(const LogProgress& line, std::int64_t at_ms) {
  if (line.phase == LogPhase::training && line.step) counts_steps_ = true;
  const double at_s = static_cast<double>(at_ms) / 1e3;
  for (const auto& point : assembler_.add(line, at_s)) {
    position_ = point.progress;
    position_ms_ = at_ms;
  }
  const std::string prefix(kFoundKeyPrefix);
  if (const auto total = assembler_.total())
    push_change(prefix + (counts_steps_ ? "total_steps" : "total_epochs"), position_, *total,
                at_ms);
  if (counts_steps_ && line.epoch && line.phase == LogPhase::training)
    push_change(prefix + "epoch", position_, std::floor(*line.epoch), at_ms);
  for (const auto& metric : line.metrics)
    push(key_of(line, metric.name), position_, metric.value, at_ms);
}

void OutputReader::push(std::string key, std::optional<double> step, double value,
                        std::int64_t at_ms) {
  if (block_.points.size() >= FoundBlock::kMostPoints) return;
  const bool usable = step && *step >= 0 && *step < kLargestFoundStep;
  auto counted = next_steps_.find(key);
  if (counted == next_steps_.end()) {
    if (next_steps_.size() >= kMostFoundKeys) return;
    counted = next_steps_.emplace(key, 0).first;
  }
  const std::int64_t at = usable ? static_cast<std::int64_t>(*step) : counted->second;
  counted->second = at + 1;
  block_.points.push_back({std::move(key), at, value, at_ms});
}

void OutputReader::push_change(std::string key, std::optional<double> step, double value,
                               std::int64_t at_ms) {
  const auto known = last_values_.find(key);
  if (known != last_values_.end() && known->second == value) return;
  last_values_[key] = value;
  push(std::move(key), step, value, at_ms);
}

FoundBlock OutputReader::take(bool progress) {
  if (progress && position_ms_ > 0 && position_ != told_position_) {
    told_position_ = position_;
    push(std::string(kFoundKeyPrefix) + (counts_steps_ ? "step" : "epoch"),
         counts_steps_ ? std::optional(position_) : std::nullopt, position_, position_ms_);
  }
  return std::exchange(block_, {});
}

}  // namespace galley::agent
