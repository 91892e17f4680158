#include "window.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace galley::telemetry {
namespace {

constexpr float kNoValue = std::numeric_limits<float>::quiet_NaN();

}  // namespace

std::string group_name(Kind kind, std::string_view subject) {
  return std::string(word_of(kind)) + ":" + std::string(subject);
}

void Window::begin(std::int64_t at_ms) {
  const bool replace = rows_ > 0 && at_ms - newest_ms() < kLeastGapMs;
  if (!replace && rows_ == kRows) head_ = (head_ + 1) % kRows;
  if (!replace && rows_ < kRows) ++rows_;
  // The row keeps its time, or looks that come ever sooner would push it on for ever; a GPU that
  // did not answer this time keeps what it said a moment ago.
  if (replace) return;
  const std::size_t here = slot(rows_ - 1);
  at_ms_[here] = at_ms;
  for (auto& [key, subject] : subjects_) {
    const std::size_t width = gauges(key.first).size();
    std::fill_n(subject.ring.begin() + static_cast<std::ptrdiff_t>(here * width), width, kNoValue);
  }
  drop_unseen();
}

void Window::drop_unseen() {
  std::erase_if(subjects_, [&](const auto& entry) { return entry.second.seen_ms < oldest_ms(); });
}

void Window::put(Kind kind, std::string_view subject, std::span<const float> values) {
  auto found = subjects_.find(std::pair(kind, subject));
  const std::size_t width = gauges(kind).size();
  if (found == subjects_.end()) {
    if (subjects_.size() >= kMaxSubjects) return;
    found = subjects_.emplace(Key(kind, subject), Subject{}).first;
    found->second.ring.assign(kRows * width, kNoValue);
  }
  found->second.seen_ms = newest_ms();
  std::ranges::copy(
      values.first(std::min(width, values.size())),
      found->second.ring.begin() + static_cast<std::ptrdiff_t>(slot(rows_ - 1) * width));
}

const Window::Subject* Window::find(Kind kind, std::string_view subject) const {
  const auto found = subjects_.find(std::pair(kind, subject));
  return found == subjects_.end() ? nullptr : &found->second;
}

std::int64_t Window::first_after(std::int64_t at_ms) const {
  for (std::size_t row = 0; row < rows_; ++row)
    if (at_ms_[slot(row)] > at_ms) return at_ms_[slot(row)];
  return -1;
}

tracking::TableChunk Window::after(std::int64_t at_ms) const {
  tracking::TableChunk table;
  std::vector<std::size_t> slots;
  for (std::size_t row = 0; row < rows_; ++row)
    if (at_ms_[slot(row)] > at_ms) {
      slots.push_back(slot(row));
      table.at_ms.push_back(at_ms_[slot(row)]);
    }
  std::vector<float> column(slots.size());
  for (const auto& [key, subject] : subjects_) {
    const auto all = gauges(key.first);
    tracking::TableGroup group{group_name(key.first, key.second), {}};
    for (std::size_t field = 0; field < all.size(); ++field) {
      std::ranges::transform(slots, column.begin(),
                             [&](std::size_t at) { return subject.ring[at * all.size() + field]; });
      if (std::ranges::all_of(column, [](float value) { return std::isnan(value); })) continue;
      group.fields.emplace_back(all[field].field);
      table.values.insert(table.values.end(), column.begin(), column.end());
    }
    if (!group.fields.empty()) table.groups.push_back(std::move(group));
  }
  return table;
}

void Window::visit(Metric metric, std::string_view subject, const Each& each) const {
  const std::size_t width = gauges(metric.kind).size();
  for (const auto& [key, entry] : subjects_) {
    if (key.first != metric.kind || (!subject.empty() && key.second != subject)) continue;
    for (std::size_t row = 0; row < rows_; ++row) {
      const float value = entry.ring[slot(row) * width + metric.field];
      if (!std::isnan(value)) each(key.second, at_ms_[slot(row)], value);
    }
  }
}

float Window::newest(Metric metric, std::string_view subject) const {
  const Subject* found = find(metric.kind, subject);
  if (found == nullptr || rows_ == 0) return kNoValue;
  return found->ring[slot(rows_ - 1) * gauges(metric.kind).size() + metric.field];
}

float Window::mean_since(Metric metric, std::string_view subject, std::int64_t since_ms) const {
  const Subject* found = find(metric.kind, subject);
  if (found == nullptr) return kNoValue;
  const std::size_t width = gauges(metric.kind).size();
  double sum = 0;
  std::size_t count = 0;
  for (std::size_t row = rows_; row-- > 0 && at_ms_[slot(row)] >= since_ms;) {
    const float value = found->ring[slot(row) * width + metric.field];
    if (std::isnan(value)) continue;
    sum += static_cast<double>(value);
    ++count;
  }
  return count > 0 ? static_cast<float>(sum / static_cast<double>(count)) : kNoValue;
}

std::vector<std::string> Window::subjects(Kind kind) const {
  std::vector<std::string> names;
  for (const auto& [key, subject] : subjects_)
    if (key.first == kind) names.push_back(key.second);
  return names;
}

std::vector<float> Window::newest_row(Kind kind, std::string_view subject) const {
  const Subject* found = find(kind, subject);
  if (found == nullptr || rows_ == 0 || found->seen_ms != newest_ms()) return {};
  const std::size_t width = gauges(kind).size();
  const auto begin = found->ring.begin() + static_cast<std::ptrdiff_t>(slot(rows_ - 1) * width);
  return {begin, begin + static_cast<std::ptrdiff_t>(width)};
}

std::size_t Window::bytes() const {
  std::size_t total = sizeof(*this) + at_ms_.capacity() * sizeof(std::int64_t);
  for (const auto& [key, subject] : subjects_)
    total += 96 + key.second.capacity() + subject.ring.capacity() * sizeof(float);
  return total;
}

}  // namespace galley::telemetry
