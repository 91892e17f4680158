#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "blobs/blob_store.h"

namespace galley::serving {

/// Where a channel of a model points: all that a serving node needs to know of the registry.
struct Placement {
  std::string model;
  std::string channel;  // "prod" answers for the bare model name
  std::string snapshot_id;
  std::string snapshot_ref;  // "nsmc@3"
  std::string manifest_sha256;
  std::int64_t generation = 0;  // older generations are ignored
};

struct Prediction {
  std::string label;
  std::vector<float> probabilities;  // in the order of Answer::labels
};

struct Answer {
  std::string model;
  std::string snapshot_id;
  std::string snapshot_ref;
  std::shared_ptr<const std::vector<std::string>> labels;
  std::vector<Prediction> predictions;  // one for each text
};

/// The models that this machine serves, each loaded from its own disk. The list of placements is
/// kept in FOLDER/placements.json and the snapshots are materialised under FOLDER/models, so a
/// restart serves before any controller is reachable. A snapshot's folder is kept while a channel
/// shows it or showed it last, so that a rollback needs no blobs.
///
/// Thread-safe. predict() takes no lock that apply() holds while loading: the old snapshot answers
/// until the new one is ready, then the pointer moves.
class ModelHost {
 public:
  /// Loads every placement: from its folder when that is whole, else from its blobs. What cannot be
  /// loaded is listed by broken(), and the others are served. `blobs` and `clock` must outlive it.
  /// Errors: corrupt (placements.json, which is left as it is), forbidden, exhausted.
  static Result<std::unique_ptr<ModelHost>> open(const std::filesystem::path& folder,
                                                 blobs::BlobStore& blobs, const Clock& clock);
  ~ModelHost();

  /// Loads the snapshot and makes sure that it can answer, without showing it to anybody. Errors:
  /// unsupported (no model family that we know; which files were expected), corrupt and not_found
  /// (which file), exhausted, invalid_argument (a malformed placement). The last few prepared
  /// snapshots are held until they are applied.
  Status prepare(const Placement& placement);
  /// Shows it (loading it first where prepare was not called) and remembers it durably. A stale
  /// generation changes nothing. On an error the channel shows what it showed.
  Status apply(const Placement& placement);

  /// `name` is "model" (its prod channel), "model:channel" or "model@version" (of a loaded
  /// snapshot). Errors: not_found (with the nearest name), invalid_argument (invalid UTF-8, more
  /// than kMaxTexts texts, a text past kMaxTextBytes; field names which), unavailable (placed here,
  /// but broken). About 5 us for a sentence.
  Result<Answer> predict(std::string_view name, const std::vector<std::string_view>& texts) const;

  struct Loaded {
    Placement placement;
    std::string family;
    std::int64_t memory_bytes = 0;
    std::vector<std::string> labels;
    std::int64_t predictions_total = 0;
  };
  std::vector<Loaded> loaded() const;
  /// By name as in predict(). Errors: not_found, unavailable.
  Result<Loaded> find(std::string_view name) const;

  /// Placements that could not be loaded when this host was opened. Applying one again retries it.
  struct Broken {
    Placement placement;
    Error error;
  };
  std::vector<Broken> broken() const;

  /// Counters and latency quantiles since start and over the last ten seconds.
  struct Stats {
    std::int64_t predictions_total = 0;  // texts answered since start
    std::int64_t errors_total = 0;       // requests refused since start
    double predictions_per_s = 0;        // texts, over the last ten seconds
    double latency_ms_p50 = 0;  // of requests, over the last ten seconds; 0 when there were none
    double latency_ms_p99 = 0;
  };
  Stats stats() const;

  static constexpr std::size_t kMaxTexts = 1024;
  static constexpr std::size_t kMaxTextBytes = 64 << 10;

 private:
  struct Impl;
  explicit ModelHost(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace galley::serving
