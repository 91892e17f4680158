// The reader of tables: what it accepts can be written and read again unchanged.
#include <bit>
#include <cstdint>

#include "repaired_checksum.h"
#include "tracking/table_chunk.h"

namespace {

using galley::tracking::TableReader;

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::bit_cast<std::uint32_t>(a[i]) != std::bit_cast<std::uint32_t>(b[i])) return false;
  return true;
}

void check(std::string_view bytes) {
  const auto reader = TableReader::open(bytes);
  if (!reader) return;
  galley::tracking::TableChunk table{.at_ms = {reader->at_ms().begin(), reader->at_ms().end()},
                                     .groups = reader->groups(),
                                     .values = {}};
  for (std::size_t i = 0; i < reader->columns(); ++i) {
    const auto column = reader->column(i);
    table.values.insert(table.values.end(), column.begin(), column.end());
  }
  const auto again = TableReader::open(galley::tracking::encode_table(table));
  GALLEY_CHECK(again && again->groups() == reader->groups(), "a table survives");
  for (std::size_t i = 0; i < reader->columns(); ++i)
    GALLEY_CHECK(same_bits(again->column(i), reader->column(i)), "columns survive");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check(bytes);
  if (size >= 16) check(galley::tracking::with_repaired_checksum(bytes));
  return 0;
}
