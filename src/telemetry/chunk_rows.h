#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rollup.h"
#include "store/database.h"

namespace galley::telemetry {

// The table telemetry_chunks: a row for each chunk of a machine (the empty id: the fleet).

struct ChunkRow {
  std::string node;
  int level = 0;
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
  std::string bytes;
};

/// Replaces one that begins at the same time: a command may run twice.
Status put_chunk(store::Transaction& transaction, const ChunkRow& row);

/// The bytes of chunks with something in [from, to), oldest first.
Result<std::vector<std::string>> read_chunks(store::Transaction& transaction,
                                             const std::string& node, int level,
                                             std::int64_t from_ms, std::int64_t to_ms);

/// When what is stored of a node begins and ends; of each level, nothing where there is none.
struct Bounds {
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
};
using LevelBounds = std::array<std::optional<Bounds>, kLevels.size()>;
Result<LevelBounds> read_bounds(store::Transaction& transaction, const std::string& node);

/// Nodes with chunks at this level that end at or after the time from which they are to be rolled
/// up: all whole chunks of the level above that are missing up to now.
struct Due {
  std::string node;
  std::int64_t from_ms = 0;  // aligned to the chunks of the level above
};
Result<std::vector<Due>> find_due(store::Transaction& transaction, int level, std::int64_t now_ms);

/// Makes the missing chunks of the level above, and forgets what this level need not keep.
Status roll_up(store::Transaction& transaction, const Due& due, int level, std::int64_t now_ms);

/// Forgets what is older than its level keeps, of all nodes.
Status prune(store::Transaction& transaction, std::int64_t now_ms);

}  // namespace galley::telemetry
