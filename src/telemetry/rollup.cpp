#include "rollup.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace galley::telemetry {
namespace {

constexpr std::array<std::string_view, 4> kParts{".min", ".mean", ".max", ".last"};
constexpr float kNoSample = std::numeric_limits<float>::quiet_NaN();

}  // namespace

float rounded(float value) {
  constexpr float kExact = 16'777'216.0F;
  if (!std::isfinite(value) || (std::abs(value) < kExact && value == std::floor(value)))
    return value;
  constexpr std::uint32_t kDropped = 0xffU;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto result = std::bit_cast<float>((bits + 0x80U) & ~kDropped);
  return std::isfinite(result) ? result : value;
}

std::vector<FieldColumns> fields_of(const tracking::TableGroup& group, std::size_t first_column) {
  std::vector<FieldColumns> all;
  for (std::size_t i = 0; i < group.fields.size(); ++i) {
    const std::string_view name = group.fields[i];
    const std::size_t column = first_column + i;
    if (!name.ends_with(kParts[0])) {
      all.push_back({name, column, column, column, column});
      continue;
    }
    const std::string_view field = name.substr(0, name.size() - kParts[0].size());
    bool whole = i + kParts.size() <= group.fields.size();
    for (std::size_t part = 1; whole && part < kParts.size(); ++part)
      whole = group.fields[i + part] == std::string(field) + std::string(kParts[part]);
    if (!whole) continue;  // not written by us; the rest of the chunk may still be good
    all.push_back({field, column, column + 1, column + 2, column + 3});
    i += kParts.size() - 1;
  }
  return all;
}

void read_field(const tracking::TableReader& reader, const Wanted& wanted, const EachWindow& each) {
  std::size_t first = 0;
  for (const auto& group : reader.groups()) {
    const bool match =
        wanted.whole_kind ? group.name.starts_with(wanted.group) : group.name == wanted.group;
    if (match)
      for (const FieldColumns& columns : fields_of(group, first)) {
        if (columns.field != wanted.field) continue;
        const auto mean = reader.column(columns.mean);
        const bool one = columns.min == columns.mean;
        const auto least = one ? mean : reader.column(columns.min);
        const auto most = one ? mean : reader.column(columns.max);
        const auto last = one ? mean : reader.column(columns.last);
        for (std::size_t row = 0; row < mean.size(); ++row)
          if (!std::isnan(mean[row]))
            each(group.name, reader.at_ms()[row], {least[row], mean[row], most[row], last[row]});
      }
    first += group.fields.size();
  }
}

void Rollup::Sum::add(const Spread& spread) {
  min = std::min(min, spread.min);
  max = std::max(max, spread.max);
  total += static_cast<double>(spread.mean);
  ++count;
  last = spread.last;
}

Spread Rollup::Sum::spread() const {
  if (count == 0) return {kNoSample, kNoSample, kNoSample, kNoSample};
  // Rounding must not put the mean of equal values beside them.
  const auto mean = static_cast<float>(total / static_cast<double>(count));
  return {min, min == max ? min : rounded(mean), max, last};
}

Rollup::Rollup(std::int64_t from_ms, const Level& level)
    : from_ms_(from_ms),
      level_(level),
      windows_(static_cast<std::size_t>(level.chunk_ms / level.window_ms)) {}

void Rollup::add(const tracking::TableReader& reader) {
  std::size_t first = 0;
  for (const auto& group : reader.groups()) {
    auto& fields = groups_[group.name];
    for (const FieldColumns& columns : fields_of(group, first)) {
      Field& field = fields.try_emplace(std::string(columns.field), windows_).first->second;
      const auto mean = reader.column(columns.mean);
      const bool one = columns.min == columns.mean;
      const auto least = one ? mean : reader.column(columns.min);
      const auto most = one ? mean : reader.column(columns.max);
      const auto last = one ? mean : reader.column(columns.last);
      for (std::size_t row = 0; row < mean.size(); ++row) {
        const std::int64_t offset = reader.at_ms()[row] - from_ms_;
        if (offset < 0 || offset >= level_.chunk_ms || std::isnan(mean[row])) continue;
        field[static_cast<std::size_t>(offset / level_.window_ms)].add(
            {least[row], mean[row], most[row], last[row]});
      }
    }
    first += group.fields.size();
  }
}

tracking::TableChunk Rollup::table() const {
  tracking::TableChunk table;
  std::vector<std::size_t> used;
  for (std::size_t window = 0; window < windows_; ++window) {
    const bool any = std::ranges::any_of(groups_, [&](const auto& group) {
      return std::ranges::any_of(group.second,
                                 [&](const auto& field) { return field.second[window].count > 0; });
    });
    if (!any) continue;
    used.push_back(window);
    table.at_ms.push_back(from_ms_ + static_cast<std::int64_t>(window) * level_.window_ms);
  }
  for (const auto& [name, fields] : groups_) {
    tracking::TableGroup group{name, {}};
    for (const auto& [field, sums] : fields) {
      const auto put = [&](float Spread::*part) {
        for (const std::size_t window : used) table.values.push_back(sums[window].spread().*part);
      };
      const bool any = std::ranges::any_of(sums, [](const Sum& sum) { return sum.count > 0; });
      if (!any) continue;
      const bool still = std::ranges::all_of(
          sums, [](const Sum& sum) { return sum.count == 0 || sum.min == sum.max; });
      if (still) {
        group.fields.push_back(field);
        put(&Spread::last);
        continue;
      }
      for (const std::string_view part : kParts) group.fields.push_back(field + std::string(part));
      put(&Spread::min);
      put(&Spread::mean);
      put(&Spread::max);
      put(&Spread::last);
    }
    if (!group.fields.empty()) table.groups.push_back(std::move(group));
  }
  return table;
}

}  // namespace galley::telemetry
