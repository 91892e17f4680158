#include "chunk_rows.h"

#include <algorithm>
#include <map>

#include "base/log.h"

namespace galley::telemetry {
namespace {

// A chunk of the finest level is as long as the window in memory at the most.
constexpr std::int64_t kLongestFineMs = 10 * kMinuteMs;

std::int64_t span_of(int level) {
  const std::int64_t chunk = kLevels[static_cast<std::size_t>(level)].chunk_ms;
  return chunk > 0 ? chunk : kLongestFineMs;
}

std::int64_t aligned(std::int64_t at_ms, std::int64_t to) { return at_ms - at_ms % to; }

}  // namespace

Status put_chunk(store::Transaction& transaction, const ChunkRow& row) {
  GALLEY_TRY_STATUS(transaction.execute(
      "insert into telemetry_chunks (node_id, level, first_ms, last_ms, columns)"
      " values (:1, :2, :3, :4, :5) on conflict (node_id, level, first_ms) do update set"
      " last_ms = excluded.last_ms, columns = excluded.columns",
      {row.node, std::int64_t{row.level}, row.first_ms, row.last_ms, store::Blob{row.bytes}}));
  return ok();
}

Result<std::vector<std::string>> read_chunks(store::Transaction& transaction,
                                             const std::string& node, int level,
                                             std::int64_t from_ms, std::int64_t to_ms) {
  GALLEY_TRY(
      const auto rows,
      transaction.query("select columns from telemetry_chunks where node_id = :1"
                        " and level = :2 and first_ms > :3 and first_ms < :4"
                        " and last_ms >= :5 order by first_ms",
                        {node, std::int64_t{level}, from_ms - span_of(level), to_ms, from_ms}));
  std::vector<std::string> chunks;
  chunks.reserve(rows.size());
  for (const store::Row& row : rows) chunks.push_back(row.text(0));
  return chunks;
}

Result<LevelBounds> read_bounds(store::Transaction& transaction, const std::string& node) {
  LevelBounds bounds;
  for (std::size_t level = 0; level < kLevels.size(); ++level) {
    const auto number = static_cast<std::int64_t>(level);
    GALLEY_TRY(const auto first,
               transaction.query_one("select first_ms from telemetry_chunks where node_id = :1"
                                     " and level = :2 order by first_ms limit 1",
                                     {node, number}));
    if (!first) continue;
    GALLEY_TRY(const auto last,
               transaction.query_one("select last_ms from telemetry_chunks where node_id = :1"
                                     " and level = :2 order by first_ms desc limit 1",
                                     {node, number}));
    bounds[level] = Bounds{first->integer(0), last->integer(0)};
  }
  return bounds;
}

Result<std::vector<Due>> find_due(store::Transaction& transaction, int level, std::int64_t now_ms) {
  const std::int64_t chunk = kLevels[static_cast<std::size_t>(level) + 1].chunk_ms;
  const std::int64_t until = aligned(now_ms, chunk);
  GALLEY_TRY(const auto above,
             transaction.query("select node_id, max(first_ms) from telemetry_chunks"
                               " where level = :1 group by node_id",
                               {std::int64_t{level} + 1}));
  std::map<std::string, std::int64_t> done;
  for (const store::Row& row : above) done[row.text(0)] = row.integer(1) + chunk;
  GALLEY_TRY(const auto rows, transaction.query("select node_id, min(first_ms), max(last_ms)"
                                                " from telemetry_chunks where level = :1"
                                                " and first_ms < :2 group by node_id",
                                                {std::int64_t{level}, until}));
  std::vector<Due> due;
  for (const store::Row& row : rows) {
    const auto found = done.find(row.text(0));
    const std::int64_t from =
        std::max(found == done.end() ? 0 : found->second, aligned(row.integer(1), chunk));
    if (from < until && row.integer(2) >= from) due.push_back({row.text(0), from});
  }
  return due;
}

Status roll_up(store::Transaction& transaction, const Due& due, int level, std::int64_t now_ms) {
  const Level& above = kLevels[static_cast<std::size_t>(level) + 1];
  const std::int64_t until = aligned(now_ms, above.chunk_ms);
  for (std::int64_t from = due.from_ms; from < until; from += above.chunk_ms) {
    GALLEY_TRY(const auto chunks,
               read_chunks(transaction, due.node, level, from, from + above.chunk_ms));
    Rollup rollup(from, above);
    for (const std::string& bytes : chunks) {
      auto reader = tracking::TableReader::open(bytes);
      // One damaged chunk must not stop the others for ever.
      if (!reader)
        log::warn("telemetry", "a stored chunk is left out",
                  {{"node", due.node}, {"reason", describe(reader.error())}});
      else
        rollup.add(*reader);
    }
    const auto table = rollup.table();
    if (table.at_ms.empty()) continue;
    GALLEY_TRY_STATUS(
        put_chunk(transaction, {due.node, level + 1, from, table.at_ms.back() + above.window_ms - 1,
                                encode_table(table)}));
  }
  return ok();
}

Status prune(store::Transaction& transaction, std::int64_t now_ms) {
  GALLEY_TRY(const auto nodes, transaction.query("select distinct node_id from telemetry_chunks"));
  for (const store::Row& node : nodes)
    for (std::size_t level = 0; level < kLevels.size(); ++level) {
      std::int64_t before = now_ms - kLevels[level].keep_ms;
      // Nothing goes before the level above has it.
      if (level + 1 < kLevels.size())
        before = std::min(before, aligned(now_ms, kLevels[level + 1].chunk_ms));
      GALLEY_TRY_STATUS(
          transaction.execute("delete from telemetry_chunks where node_id = :1"
                              " and level = :2 and first_ms < :3 and last_ms < :3",
                              {node.text(0), static_cast<std::int64_t>(level), before}));
    }
  return ok();
}

}  // namespace galley::telemetry
