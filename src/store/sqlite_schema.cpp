#include "sqlite_schema.h"

#include <array>

namespace galley::store {
namespace {

struct Placeholder {
  std::string_view word;
  std::string_view type;
};

constexpr std::array kTypes{
    // AUTOINCREMENT never reuses a number, so a reader of events can rely on "after seq".
    Placeholder{"{bigserial}", "integer primary key autoincrement"}, Placeholder{"{blob}", "blob"},
    Placeholder{"{id}", "text"},  // SQLite compares text by bytes unless told otherwise
};

}  // namespace

std::string SqliteMigrationTarget::with_types(std::string_view script) const {
  std::string sql(script);
  for (const Placeholder& placeholder : kTypes)
    for (auto at = sql.find(placeholder.word); at != sql.npos; at = sql.find(placeholder.word, at))
      sql.replace(at, placeholder.word.size(), placeholder.type);
  return sql;
}

}  // namespace galley::store
