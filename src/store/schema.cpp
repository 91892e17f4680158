#include "store/schema.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "base/clock.h"
#include "migrate.h"

namespace galley::store {
namespace {

/// Without comments, in lower case, every run of blanks one blank.
std::string plain(std::string_view sql) {
  std::string out;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    if (sql.substr(i, 2) == "--") i = std::min(sql.find('\n', i), sql.size() - 1);
    const auto c = static_cast<unsigned char>(sql[i]);
    if (std::isspace(c) == 0)
      out += static_cast<char>(std::tolower(c));
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  return out;
}

bool adds(std::string_view statement) {
  const auto has = [&](std::string_view words) { return statement.find(words) != statement.npos; };
  if (statement.starts_with("create table ") || statement.starts_with("create index ")) return true;
  if (!statement.starts_with("alter table ") || !has(" add column ")) return false;
  return !has(" unique") && (!has(" not null") || has(" default "));
}

}  // namespace

bool only_adds(std::string_view sql) {
  const std::string text = plain(sql);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(';', begin), text.size());
    std::string_view statement = std::string_view(text).substr(begin, end - begin);
    if (statement.starts_with(' ')) statement.remove_prefix(1);
    if (!statement.empty() && !adds(statement)) return false;
    begin = end + 1;
  }
  return true;
}

bool SchemaState::has(std::int64_t number) const {
  return std::ranges::binary_search(counted, number) ||
         std::ranges::binary_search(additions, number);
}

Result<SchemaState> read_schema(Transaction& transaction, Database::Kind kind) {
  return read_schema([&](std::string_view sql) { return transaction.query(sql); }, kind);
}

Result<std::int64_t> now_ms(Transaction& transaction, Database::Kind kind) {
  // A file has one user.
  if (kind == Database::Kind::sqlite) return to_ms(system_clock().wall());
  GALLEY_TRY(const auto row,
             transaction.query_one(
                 "select cast(floor(extract(epoch from clock_timestamp()) * 1000) as bigint)"));
  return row->integer(0);
}

}  // namespace galley::store
