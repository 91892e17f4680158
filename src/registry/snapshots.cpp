#include <algorithm>
#include <charconv>

#include "base/json.h"
#include "blobs/freeze.h"
#include "registry/registry.h"
#include "rows.h"
#include "store/events.h"

namespace galley::registry {
namespace {

using store::Row;
using store::Transaction;

// Every generation that a channel points at or can be rolled back to.
constexpr std::string_view kUndoStacks =
    "with recursive undo (model, channel, generation) as ("
    " select model, channel, generation from channels"
    " union all select h.model, h.channel, h.undo_generation from undo u"
    " join channel_history h on h.model = u.model and h.channel = u.channel"
    " and h.generation = u.generation where h.undo_generation is not null)";

Status check(const FreezeRequest& request) {
  GALLEY_TRY_STATUS(check_name(to_string(request.kind), request.name));
  if (request.note.size() > kMaxNoteBytes)
    return Error{Errc::too_large,
                 "a note has at most " + std::to_string(kMaxNoteBytes) + " bytes, not " +
                     std::to_string(request.note.size()),
                 "note"};
  if (request.sources.size() > kMaxSources)
    return Error{Errc::too_large,
                 "a snapshot names at most " + std::to_string(kMaxSources) + " sources, not " +
                     std::to_string(request.sources.size()),
                 "sources"};
  return ok();
}

Result<std::optional<Snapshot>> newest(Transaction& transaction, Kind kind, std::string_view name) {
  GALLEY_TRY(const auto row,
             transaction.query_one("select " + std::string(kSnapshotColumns) +
                                       " from snapshots s where s.kind = :1 and s.name = :2"
                                       " and s.deleted_ms is null order by s.version desc limit 1",
                                   {std::string(to_string(kind)), std::string(name)}));
  if (!row) return std::optional<Snapshot>();
  Snapshot snapshot = snapshot_of(*row);
  GALLEY_TRY_STATUS(add_sources(transaction, snapshot));
  return std::optional(std::move(snapshot));
}

Status insert(Transaction& transaction, const Snapshot& snapshot) {
  using store::Value;
  GALLEY_TRY_STATUS(transaction.execute(
      "insert into snapshots (id, kind, name, version, manifest_sha256, size_bytes, file_count,"
      " run_id, note, principal, created_ms)"
      " values (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10, :11)",
      {snapshot.id.str(), std::string(to_string(snapshot.kind)), snapshot.name, snapshot.version,
       snapshot.manifest_sha256, snapshot.size_bytes, snapshot.file_count,
       snapshot.run_id.empty() ? Value(nullptr) : Value(snapshot.run_id), snapshot.note,
       snapshot.principal, to_ms(snapshot.created)}));
  for (const SnapshotId& source : snapshot.sources) {
    GALLEY_TRY_STATUS(snapshot_by_id(transaction, source));
    GALLEY_TRY_STATUS(
        transaction.execute("insert into snapshot_sources (snapshot_id, source_id) values (:1, :2)",
                            {snapshot.id.str(), source.str()}));
  }
  return ok();
}

Status tell(Transaction& transaction, const Snapshot& snapshot, std::string_view action,
            WallTime at) {
  Json data{{"action", action},
            {"id", snapshot.id.str()},
            {"kind", to_string(snapshot.kind)},
            {"name", snapshot.name},
            {"version", snapshot.version},
            {"manifest_sha256", snapshot.manifest_sha256},
            {"size_bytes", snapshot.size_bytes}};
  if (!snapshot.run_id.empty()) data["run_id"] = snapshot.run_id;
  GALLEY_TRY_STATUS(store::append_event(transaction, {.at_ms = to_ms(at),
                                                      .kind = "snapshot",
                                                      .subject = snapshot.id.str(),
                                                      .data = dump_json(data)}));
  return ok();
}

Error unknown(Kind kind, std::string_view reference) {
  return Error{Errc::not_found, "there is no " + std::string(to_string(kind)) + " " +
                                    std::string(reference.substr(0, 128))};
}

Result<Snapshot> find(Transaction& transaction, Kind kind, std::string_view reference) {
  const auto at = reference.find('@');
  const std::string_view name = reference.substr(0, at);
  GALLEY_TRY_STATUS(check_name(to_string(kind), name));
  if (at == std::string_view::npos) {
    GALLEY_TRY(auto found, newest(transaction, kind, name));
    if (!found) return unknown(kind, reference);
    return *std::move(found);
  }
  const std::string_view digits = reference.substr(at + 1);
  std::int64_t version = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), version);
  if (error != std::errc() || end != digits.data() + digits.size() || version < 1)
    return Error{
        Errc::invalid_argument,
        "'" + std::string(digits.substr(0, 40)) + "' is not a version of " + std::string(name),
        {},
        "NAME@NUMBER, for example " + std::string(name) + "@1"};
  GALLEY_TRY(const auto row,
             transaction.query_one("select id from snapshots where kind = :1 and name = :2 and"
                                   " version = :3",
                                   {std::string(to_string(kind)), std::string(name), version}));
  if (!row) return unknown(kind, reference);
  auto found = snapshot_by_id(transaction, SnapshotId::trusted(row->text(0)));
  if (!found && found.error().code == Errc::not_found) return unknown(kind, reference);
  return found;
}

}  // namespace

Result<FreezeAnswer> Registry::freeze_snapshot(const FreezeRequest& request) {
  GALLEY_TRY_STATUS(check(request));
  // Outside the transaction: thousands of chunks may have to be looked for, and looking also keeps
  // them from being collected until the snapshot is recorded.
  GALLEY_TRY(const auto manifest, blobs::get_manifest(blobs_, request.manifest_sha256));
  GALLEY_TRY_STATUS(blobs::check_complete(blobs_, manifest));

  Snapshot draft{.id = ids_.next<SnapshotTag>(),
                 .kind = request.kind,
                 .name = request.name,
                 .manifest_sha256 = request.manifest_sha256,
                 .size_bytes = manifest.size_bytes(),
                 .file_count = static_cast<std::int64_t>(manifest.files.size()),
                 .sources = request.sources,
                 .run_id = request.run_id,
                 .note = request.note,
                 .principal = request.principal,
                 .created = clock_.wall()};
  std::ranges::sort(draft.sources);
  draft.sources.erase(std::unique(draft.sources.begin(), draft.sources.end()), draft.sources.end());

  FreezeAnswer answer;
  GALLEY_TRY_STATUS(database_.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY(auto last, newest(transaction, draft.kind, draft.name));
    if (last && last->manifest_sha256 == draft.manifest_sha256) {
      answer = {*std::move(last), false};
      return ok();
    }
    // Deleted versions count too: a version number never gets a second meaning.
    GALLEY_TRY(
        const auto highest,
        transaction.query_one("select max(version) from snapshots where kind = :1 and name = :2",
                              {std::string(to_string(draft.kind)), draft.name}));
    answer = {draft, true};
    answer.snapshot.version = highest->integer(0) + 1;
    GALLEY_TRY_STATUS(insert(transaction, answer.snapshot));
    GALLEY_TRY_STATUS(tell(transaction, answer.snapshot, "freeze", draft.created));
    return store::append_audit(transaction, {.at_ms = to_ms(draft.created),
                                             .principal = request.principal,
                                             .action = "snapshot.freeze",
                                             .subject = reference(answer.snapshot),
                                             .request_id = request.request_id,
                                             .address = request.address});
  }));
  return answer;
}

Result<Snapshot> Registry::get(Kind kind, std::string_view reference) const {
  Snapshot found;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    const auto id = SnapshotId::parse(reference);
    if (!id) {
      GALLEY_TRY(found, find(transaction, kind, reference));
      return ok();
    }
    GALLEY_TRY(found, snapshot_by_id(transaction, *id));
    if (found.kind != kind) return unknown(kind, reference);
    return ok();
  }));
  return found;
}

Result<std::vector<Snapshot>> Registry::versions(Kind kind, std::string_view name,
                                                 std::int64_t limit,
                                                 std::int64_t before_version) const {
  std::vector<Snapshot> found;
  GALLEY_TRY_STATUS(check_name(to_string(kind), name));
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto rows,
               transaction.query(
                   "select " + std::string(kSnapshotColumns) +
                       " from snapshots s where s.kind = :1 and s.name = :2"
                       " and s.deleted_ms is null and (:3 = 0 or s.version < :3)"
                       " order by s.version desc limit :4",
                   {std::string(to_string(kind)), std::string(name), before_version, page(limit)}));
    for (const Row& row : rows) {
      found.push_back(snapshot_of(row));
      GALLEY_TRY_STATUS(add_sources(transaction, found.back()));
    }
    return ok();
  }));
  return found;
}

Result<std::vector<Snapshot>> Registry::names(Kind kind, std::int64_t limit,
                                              std::string_view after_name) const {
  std::vector<Snapshot> found;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(
        const auto rows,
        transaction.query("select " + std::string(kSnapshotColumns) +
                              " from snapshots s join (select name, max(version) as version"
                              " from snapshots where kind = :1 and deleted_ms is null and"
                              " name > :2 group by name order by name limit :3) n"
                              " on s.name = n.name and s.version = n.version"
                              " where s.kind = :1 order by s.name",
                          {std::string(to_string(kind)), std::string(after_name), page(limit)}));
    for (const Row& row : rows) {
      found.push_back(snapshot_of(row));
      GALLEY_TRY_STATUS(add_sources(transaction, found.back()));
    }
    return ok();
  }));
  return found;
}

Status Registry::delete_snapshot(const SnapshotId& id, const std::string& principal,
                                 const std::string& request_id) {
  const WallTime now = clock_.wall();
  return database_.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto snapshot, snapshot_by_id(transaction, id));
    GALLEY_TRY(const auto user,
               transaction.query_one(std::string(kUndoStacks) +
                                         " select u.channel from undo u join channel_history h"
                                         " on h.model = u.model and h.channel = u.channel and"
                                         " h.generation = u.generation where h.snapshot_id = :1"
                                         " order by u.channel limit 1",
                                     {id.str()}));
    if (user)
      return Error{Errc::conflict, "cannot delete " + reference(snapshot) + ": channel " +
                                       user->text(0) + " points at it or can go back to it"};
    GALLEY_TRY_STATUS(transaction.execute("update snapshots set deleted_ms = :1 where id = :2",
                                          {to_ms(now), id.str()}));
    GALLEY_TRY_STATUS(tell(transaction, snapshot, "delete", now));
    return store::append_audit(transaction, {.at_ms = to_ms(now),
                                             .principal = principal,
                                             .action = "snapshot.delete",
                                             .subject = reference(snapshot),
                                             .request_id = request_id});
  });
}

Result<std::vector<std::string>> Registry::reachable_manifests() const {
  std::vector<std::string> found;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    // Artifacts belong to tracking; they are read here because one collection serves both.
    GALLEY_TRY(
        const auto rows,
        transaction.query(std::string(kUndoStacks) +
                          ", kept (id) as (select id from snapshots where deleted_ms is null"
                          " union select h.snapshot_id from undo u join channel_history h"
                          " on h.model = u.model and h.channel = u.channel and"
                          " h.generation = u.generation"
                          " union select x.source_id from kept k join snapshot_sources x"
                          " on x.snapshot_id = k.id)"
                          " select s.manifest_sha256 from kept k join snapshots s on s.id = k.id"
                          " union select manifest_sha256 from artifacts"
                          " union select manifest_sha256 from logged_model_artifacts"));
    for (const Row& row : rows) found.push_back(row.text(0));
    return ok();
  }));
  return found;
}

}  // namespace galley::registry
