#include "table_reader.h"

#include <algorithm>
#include <bit>

#include "base/text.h"

namespace galley::store {
namespace {

// Chunks of metrics have some kilobytes a row; this bounds a batch to a few megabytes.
constexpr std::int64_t kBatchRows = 500;

std::string quoted(const std::string& name) { return '"' + name + '"'; }

std::string listed(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + quoted(name);
  return list;
}

void add_number(std::string& bytes, std::uint64_t number) {
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>((number >> (8 * i)) & 0xff);
}

/// The value with its type and, where it has one, its length: no two rows print alike.
void add_value(std::string& bytes, const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    bytes += 'i';
    add_number(bytes, static_cast<std::uint64_t>(*integer));
  } else if (const auto* real = std::get_if<double>(&value)) {
    bytes += 'r';
    add_number(bytes, std::bit_cast<std::uint64_t>(*real));
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    bytes += 't';
    add_number(bytes, text->size());
    bytes += *text;
  } else if (const auto* blob = std::get_if<Blob>(&value)) {
    bytes += 'b';
    add_number(bytes, blob->bytes.size());
    bytes += blob->bytes;
  } else {
    bytes += 'n';
  }
}

}  // namespace

TableReader::TableReader(Transaction& transaction, const Table& table)
    : transaction_(transaction),
      table_(table),
      select_("select " + listed(table.columns) + " from " + quoted(table.name)) {
  for (const std::string& column : table.key)
    key_places_.push_back(
        static_cast<std::size_t>(std::ranges::find(table.columns, column) - table.columns.begin()));
}

Result<std::vector<Row>> TableReader::next() {
  std::string sql = select_;
  if (!after_.empty()) {
    std::string places;
    for (std::size_t i = 1; i <= after_.size(); ++i)
      places += (i == 1 ? ":" : ", :") + std::to_string(i);
    sql += " where (" + listed(table_.key) + ") > (" + places + ")";
  }
  sql += " order by " + listed(table_.key) + " limit " + std::to_string(kBatchRows);
  GALLEY_TRY(auto rows, transaction_.query(sql, after_));
  if (rows.empty()) return rows;
  std::string bytes = digest_;
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) add_value(bytes, row.value(i));
  digest_ = sha256_hex(bytes);
  rows_ += static_cast<std::int64_t>(rows.size());
  after_.clear();
  for (const std::size_t place : key_places_) after_.push_back(rows.back().value(place));
  return rows;
}

TableContent TableReader::content() const { return {table_.name, rows_, digest_}; }

Result<std::int64_t> count_rows(Transaction& transaction, const std::vector<Table>& tables) {
  std::int64_t total = 0;
  for (const Table& table : tables) {
    GALLEY_TRY(const auto row, transaction.query_one("select count(*) from " + quoted(table.name)));
    total += row->integer(0);
  }
  return total;
}

}  // namespace galley::store
