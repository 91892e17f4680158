#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/result.h"
#include "protocol/ids.h"

namespace galley::registry {

enum class Kind { model, dataset };
std::string_view to_string(Kind kind);

/// Names of models, data sets and channels: [a-z0-9][a-z0-9._-]{0,62}, so that they need no quoting
/// in a path, a URL, a shell or NAME@VERSION. Errors: invalid_argument; `what` says of what.
Status check_name(std::string_view what, std::string_view name);

/// A frozen folder under a name. Immutable.
struct Snapshot {
  SnapshotId id;
  Kind kind = Kind::model;
  std::string name;
  std::int64_t version = 0;  // 1, 2, … for each kind and name
  std::string manifest_sha256;
  std::int64_t size_bytes = 0;  // of its files
  std::int64_t file_count = 0;
  std::vector<SnapshotId> sources;  // what it was made from, sorted
  std::string run_id;               // the run that made it; empty when none did
  std::string note;
  std::string principal;
  WallTime created{};
};

/// "reviews@3".
std::string reference(const Snapshot& snapshot);

struct FreezeRequest {
  Kind kind = Kind::model;
  std::string name;
  std::string manifest_sha256;  // stored, with all of its chunks
  std::vector<SnapshotId> sources;
  std::string run_id;
  std::string note;  // at most kMaxNoteBytes
  std::string principal;
  std::string request_id;
  std::string address{};  // from where the request came
};
inline constexpr std::size_t kMaxNoteBytes = 4096;
inline constexpr std::size_t kMaxSources = 256;

struct FreezeAnswer {
  Snapshot snapshot;
  bool created = false;  // false: the newest version already had this content and is answered
};

/// What a channel of a model points at now.
struct Channel {
  std::string model;
  std::string channel;
  SnapshotId snapshot_id;
  std::int64_t version = 0;     // of that snapshot
  std::int64_t generation = 0;  // counts moves; for If-Match
  WallTime changed{};
};

struct MoveRequest {
  std::string model;
  std::string channel;
  SnapshotId snapshot_id;
  /// Refused unless the channel is at this generation; 0 means that it must not exist yet.
  std::optional<std::int64_t> expected_generation{};
  std::string principal;
  std::string request_id;
  std::string address{};  // from where the request came
};

struct RollbackRequest {
  std::string model;
  std::string channel;
  std::optional<std::int64_t> expected_generation{};
  std::string principal;
  std::string request_id;
  std::string address{};  // from where the request came
};

struct MoveAnswer {
  Channel channel;
  std::optional<SnapshotId> previous;  // what it pointed at before; nothing on a first deployment
  bool moved = false;                  // false: it already pointed there, and nothing was recorded
};

/// One line of a channel's history.
struct Move {
  std::string channel;
  std::int64_t generation = 0;
  SnapshotId snapshot_id;
  std::int64_t version = 0;
  std::string action;  // "deploy" or "rollback"
  std::string principal;
  WallTime at{};
};

}  // namespace galley::registry
