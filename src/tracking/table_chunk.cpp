#include "tracking/table_chunk.h"

#include <algorithm>
#include <bit>

#include "base/text.h"
#include "chunk_format.h"

namespace galley::tracking {
namespace {

using format::corrupt;

constexpr char kTableVersion = 2;
constexpr std::size_t kPlanes = sizeof(float);
// Names are of machines' parts and of gauges; a real table has some tens of kilobytes of them.
constexpr std::size_t kMaxNamesBytes = std::size_t{4} << 20U;
constexpr std::size_t kMaxTablePacked =
    kChunkPoints * 10 + kMaxNamesBytes + kChunkPoints * kMaxTableColumns * kPlanes;

std::string print_groups(const std::vector<TableGroup>& groups) {
  std::string out;
  for (const TableGroup& group : groups) {
    out += group.name;
    for (const std::string& field : group.fields) {
      out += '\t';
      out += field;
    }
    out += '\n';
  }
  return out;
}

Result<std::vector<TableGroup>> read_groups(std::string_view names) {
  std::vector<TableGroup> groups;
  std::size_t columns = 0;
  while (!names.empty()) {
    const auto end = names.find('\n');
    if (end == std::string_view::npos) return corrupt("its names end too early");
    const auto words = split(names.substr(0, end), '\t');
    names.remove_prefix(end + 1);
    TableGroup group{std::string(words.front()), {}};
    for (std::size_t i = 1; i < words.size(); ++i) group.fields.emplace_back(words[i]);
    columns += group.fields.size();
    if (columns > kMaxTableColumns) return corrupt("it has too many columns");
    groups.push_back(std::move(group));
  }
  return groups;
}

std::size_t columns_of(const std::vector<TableGroup>& groups) {
  std::size_t columns = 0;
  for (const TableGroup& group : groups) columns += group.fields.size();
  return columns;
}

}  // namespace

std::string encode_table(const TableChunk& table) {
  const std::size_t rows = table.at_ms.size();
  const std::size_t columns = columns_of(table.groups);
  GALLEY_CHECK(rows >= 1 && rows <= kChunkPoints, "a chunk holds 1 to 512 times");
  GALLEY_CHECK(columns <= kMaxTableColumns, "a table has a bounded number of columns");
  GALLEY_CHECK(table.values.size() == rows * columns, "a table has a value for each time");
  std::string packed;
  std::uint64_t at = 0;
  for (const std::int64_t time : table.at_ms) {
    format::put_varint(packed, format::zigzag(static_cast<std::uint64_t>(time) - at));
    at = static_cast<std::uint64_t>(time);
  }
  const std::string names = print_groups(table.groups);
  GALLEY_CHECK(names.size() <= kMaxNamesBytes, "the names of a table are short");
  format::put_varint(packed, names.size());
  packed += names;
  // As in version 1, but planes run over all columns: those that never change compress as one.
  std::vector<std::uint32_t> changes(table.values.size());
  for (std::size_t column = 0; column < columns; ++column) {
    std::uint32_t last = 0;
    for (std::size_t i = column * rows; i < (column + 1) * rows; ++i) {
      const auto bits = std::bit_cast<std::uint32_t>(table.values[i]);
      changes[i] = bits ^ last;
      last = bits;
    }
  }
  for (unsigned plane = 0; plane < kPlanes; ++plane)
    for (const std::uint32_t change : changes)
      packed += static_cast<char>((change >> (8U * (kPlanes - 1 - plane))) & 0xffU);
  return format::with_header({kTableVersion, 1, rows}, format::compress(packed));
}

Result<TableReader> TableReader::open(std::string_view bytes) {
  GALLEY_TRY(const auto header, format::read_header(bytes, kTableVersion));
  if (header.count < 1 || header.count > kChunkPoints) return corrupt("its count is out of bounds");
  TableReader reader;
  GALLEY_TRY(reader.packed_,
             format::decompress(bytes.substr(format::kHeaderBytes), kMaxTablePacked));
  std::string_view rest = reader.packed_;
  std::uint64_t code = 0;
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < header.count; ++i) {
    if (!format::get_varint(rest, code)) return corrupt("its times end too early");
    at += format::unzigzag(code);
    reader.at_ms_.push_back(static_cast<std::int64_t>(at));
  }
  if (!format::get_varint(rest, code) || code > std::min(rest.size(), kMaxNamesBytes))
    return corrupt("its names end too early");
  GALLEY_TRY(reader.groups_, read_groups(rest.substr(0, static_cast<std::size_t>(code))));
  rest.remove_prefix(static_cast<std::size_t>(code));
  reader.columns_ = columns_of(reader.groups_);
  if (rest.size() != header.count * reader.columns_ * kPlanes)
    return corrupt("its values have the wrong length");
  reader.planes_at_ = reader.packed_.size() - rest.size();
  return reader;
}

std::vector<float> TableReader::column(std::size_t column) const {
  GALLEY_CHECK(column < columns_, "the table has that column");
  const std::size_t rows = at_ms_.size();
  const std::size_t plane_bytes = rows * columns_;
  std::vector<float> values(rows);
  std::uint32_t bits = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    std::uint32_t change = 0;
    for (std::size_t plane = 0; plane < kPlanes; ++plane)
      change = change << 8U | static_cast<unsigned char>(
                                  packed_[planes_at_ + plane * plane_bytes + column * rows + row]);
    bits ^= change;
    values[row] = std::bit_cast<float>(bits);
  }
  return values;
}

}  // namespace galley::tracking
