#include "rows.h"

#include <algorithm>

namespace galley::registry {

std::string_view to_string(Kind kind) { return kind == Kind::model ? "model" : "dataset"; }

Status check_name(std::string_view what, std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool good = !name.empty() && name.size() <= 63 && plain(name.front()) &&
                    std::ranges::all_of(
                        name, [&](char c) { return plain(c) || c == '.' || c == '_' || c == '-'; });
  if (good) return ok();
  return Error{Errc::invalid_argument,
               "'" + std::string(name.substr(0, 80)) + "' is not a name for a " + std::string(what),
               std::string(what),
               "1 to 63 of a-z, 0-9, '.', '_' and '-', beginning with a letter or a digit"};
}

std::string reference(const Snapshot& snapshot) {
  return snapshot.name + "@" + std::to_string(snapshot.version);
}

std::int64_t page(std::int64_t limit) { return std::clamp<std::int64_t>(limit, 1, kMaxPage); }

Snapshot snapshot_of(const store::Row& row) {
  return Snapshot{.id = SnapshotId::trusted(row.text(0)),
                  .kind = row.text(1) == "model" ? Kind::model : Kind::dataset,
                  .name = row.text(2),
                  .version = row.integer(3),
                  .manifest_sha256 = row.text(4),
                  .size_bytes = row.integer(5),
                  .file_count = row.integer(6),
                  .run_id = row.text(7),
                  .note = row.text(8),
                  .principal = row.text(9),
                  .created = from_ms(row.integer(10))};
}

Status add_sources(store::Transaction& transaction, Snapshot& snapshot) {
  GALLEY_TRY(const auto rows,
             transaction.query("select source_id from snapshot_sources where snapshot_id = :1"
                               " order by source_id",
                               {snapshot.id.str()}));
  for (const store::Row& row : rows) snapshot.sources.push_back(SnapshotId::trusted(row.text(0)));
  return ok();
}

Result<Snapshot> snapshot_by_id(store::Transaction& transaction, const SnapshotId& id) {
  GALLEY_TRY(const auto row,
             transaction.query_one("select " + std::string(kSnapshotColumns) +
                                       " from snapshots s where s.id = :1 and s.deleted_ms is null",
                                   {id.str()}));
  if (!row) return Error{Errc::not_found, "there is no snapshot " + id.str()};
  Snapshot snapshot = snapshot_of(*row);
  GALLEY_TRY_STATUS(add_sources(transaction, snapshot));
  return snapshot;
}

}  // namespace galley::registry
