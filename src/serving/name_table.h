#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "placements_file.h"
#include "snapshot_folder.h"

namespace galley::serving {

/// A channel and what it shows. Immutable but for the counter, which outlives swaps of the channel.
struct Channel {
  PlacedChannel placed;
  std::shared_ptr<const LoadedSnapshot> snapshot;  // null: `fault` says why it cannot be shown
  Error fault{};
  std::shared_ptr<std::atomic<std::int64_t>> predictions;
};

/// What every name stands for at one moment. Immutable, so a reader needs only a pointer to it.
class NameTable {
 public:
  /// At most one entry for each model and channel.
  explicit NameTable(std::vector<Channel> channels);

  /// By model, then channel.
  const std::vector<Channel>& channels() const { return channels_; }
  /// Null when there is none.
  const Channel* find_channel(std::string_view model, std::string_view channel) const;
  std::shared_ptr<const LoadedSnapshot> find_snapshot(std::string_view id) const;

  /// "model", "model:channel" or "model@version". One look-up in a hash table.
  /// Errors: not_found (with the nearest name), unavailable (the channel's snapshot cannot be
  /// loaded).
  Result<const Channel*> resolve(std::string_view name) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  Error unknown(std::string_view name) const;

  std::vector<Channel> channels_;
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> by_name_;
};

}  // namespace galley::serving
