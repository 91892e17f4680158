#include "tracking/point_batch.h"

#include <bit>
#include <cstring>

#include "checks.h"
#include "chunk_format.h"

namespace galley::tracking {
namespace {

constexpr char kBatchVersion = 3;
constexpr std::size_t kValueBytes = sizeof(double);

std::uint64_t difference(std::int64_t now, std::int64_t before) {
  return static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(before);
}

/// The next of a column of differences.
bool take_difference(std::string_view& bytes, std::int64_t& value) {
  std::uint64_t code = 0;
  if (!format::get_varint(bytes, code)) return false;
  value = static_cast<std::int64_t>(static_cast<std::uint64_t>(value) + format::unzigzag(code));
  return true;
}

}  // namespace

Result<std::uint32_t> PointBatch::index_of(std::string_view key) {
  // Programs report their metrics in the same order again and again.
  if (!key_of_.empty()) {
    const std::uint32_t last = key_of_.back();
    if (keys_[last] == key) return last;
    const std::uint32_t next = last + 1 < keys_.size() ? last + 1 : 0;
    if (keys_[next] == key) return next;
  }
  if (const auto found = index_.find(key); found != index_.end()) return found->second;
  GALLEY_TRY_STATUS(check_key("metric", key));
  const auto index = static_cast<std::uint32_t>(keys_.size());
  keys_.emplace_back(key);
  index_.emplace(keys_.back(), index);
  return index;
}

Status PointBatch::add(std::string_view key, std::int64_t step, double value, std::int64_t at_ms) {
  if (points_.size() == kMaxBatchPoints)
    return Error{Errc::too_large,
                 "a batch holds at most " + std::to_string(kMaxBatchPoints) + " points"};
  GALLEY_TRY(const std::uint32_t index, index_of(key));
  key_of_.push_back(index);
  points_.push_back({step, value, at_ms});
  return ok();
}

std::string PointBatch::pack() const {
  GALLEY_CHECK(!points_.empty(), "a batch that is stored holds a point");
  std::string out;
  out.reserve(points_.size() * (kValueBytes + 4) + keys_.size() * 24 + 16);
  format::put_varint(out, keys_.size());
  for (const std::string& key : keys_) {
    format::put_varint(out, key.size());
    out += key;
  }
  for (const std::uint32_t index : key_of_) format::put_varint(out, index);
  std::int64_t before = 0;
  for (const Point& point : points_) {
    format::put_varint(out, format::zigzag(difference(point.step, before)));
    before = point.step;
  }
  before = 0;
  for (const Point& point : points_) {
    format::put_varint(out, format::zigzag(difference(point.at_ms, before)));
    before = point.at_ms;
  }
  for (const Point& point : points_) {
    const auto bits = std::bit_cast<std::uint64_t>(point.value);
    for (unsigned byte = 0; byte < kValueBytes; ++byte)
      out += static_cast<char>((bits >> (8U * byte)) & 0xffU);
  }
  return format::with_header({kBatchVersion, 0, points_.size()}, out);
}

Result<PointBatch> PointBatch::unpack(std::string_view bytes) {
  using format::corrupt;
  GALLEY_TRY(const auto header, format::read_header(bytes, kBatchVersion));
  if (header.form != 0)
    return Error{Errc::unsupported, "a batch of points has a form that this program does not know"};
  if (header.count < 1 || header.count > kMaxBatchPoints)
    return corrupt("its count is out of bounds");
  std::string_view rest = bytes.substr(format::kHeaderBytes);
  PointBatch batch;
  std::uint64_t number = 0;
  if (!format::get_varint(rest, number) || number < 1 || number > header.count)
    return corrupt("its keys are out of bounds");
  for (std::uint64_t left = number; left > 0; --left) {
    std::uint64_t length = 0;
    if (!format::get_varint(rest, length) || length > std::min(rest.size(), kMaxKeyBytes))
      return corrupt("its keys end too early");
    batch.keys_.emplace_back(rest.substr(0, static_cast<std::size_t>(length)));
    rest.remove_prefix(static_cast<std::size_t>(length));
  }
  batch.key_of_.resize(header.count);
  batch.points_.resize(header.count);
  for (std::uint32_t& index : batch.key_of_) {
    if (!format::get_varint(rest, number) || number >= batch.keys_.size())
      return corrupt("a point names no key of it");
    index = static_cast<std::uint32_t>(number);
  }
  std::int64_t value = 0;
  for (Point& point : batch.points_) {
    if (!take_difference(rest, value)) return corrupt("its steps end too early");
    point.step = value;
  }
  value = 0;
  for (Point& point : batch.points_) {
    if (!take_difference(rest, value)) return corrupt("its times end too early");
    point.at_ms = value;
  }
  if (rest.size() != header.count * kValueBytes) return corrupt("its values have the wrong length");
  for (std::size_t i = 0; i < header.count; ++i) {
    std::uint64_t bits = 0;
    for (unsigned byte = 0; byte < kValueBytes; ++byte)
      bits |= std::uint64_t{static_cast<unsigned char>(rest[i * kValueBytes + byte])}
              << (8U * byte);
    batch.points_[i].value = std::bit_cast<double>(bits);
  }
  return batch;
}

}  // namespace galley::tracking
