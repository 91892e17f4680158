#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "data_sets.h"
#include "protocol/records.h"

namespace galley::agent {

/// The data sets that lie on this machine, kept within a budget: the one used longest ago goes
/// first, and never one that an attempt holds. When all are held the budget is passed, since jobs
/// that were given their place must run; it is kept again when they have ended.
///
/// Thread-safe; prepare() by one thread at a time. When a set was last used is its folder's time of
/// change, so that it is known after a restart.
class DataSetCache {
 public:
  /// Looks at what is there. Errors: those of making the folder.
  static Result<std::unique_ptr<DataSetCache>> open(std::filesystem::path folder,
                                                    std::int64_t budget_bytes);

  /// Makes each data set a folder, making room first, and holds it for `holder`. Errors: those of
  /// prepare_data_sets; then nothing is held.
  /// `stored` hears of each that became a folder now.
  using Stored = std::function<void(const blobs::Manifest&)>;
  Result<std::vector<DataSet>> prepare(const std::vector<std::string>& references,
                                       const FindManifest& find_manifest,
                                       const blobs::BlobStore& blobs, const std::string& holder,
                                       const Stored& stored = {});
  /// Takes up what a job that runs already has, by the names in its spec.
  void hold(const std::vector<std::string>& references, const std::string& holder);
  void release(const std::string& holder);

  /// What is here, by name.
  std::vector<protocol::ContentRecord> contents() const;
  const std::filesystem::path& folder() const { return folder_; }

 private:
  struct Entry {
    std::string reference;
    std::int64_t bytes = 0;
    std::int64_t used = 0;  // counts up with each use
    std::optional<Millis> fetched;
  };

  DataSetCache(std::filesystem::path folder, std::int64_t budget_bytes)
      : folder_(std::move(folder)), budget_bytes_(budget_bytes) {}
  void look();
  bool is_held_locked(const std::string& reference) const;
  /// Until `more_bytes` have room, or nothing is left that may go.
  void make_room(std::int64_t more_bytes);
  Result<DataSet> prepare_one(const std::string& reference, const FindManifest& find_manifest,
                              const blobs::BlobStore& blobs, const Stored& stored);

  const std::filesystem::path folder_;
  const std::int64_t budget_bytes_;

  mutable std::mutex mutex_;                                 // guards what follows
  std::map<std::string, Entry> entries_;                     // by the name of their folder
  std::map<std::string, std::vector<std::string>> holders_;  // references that each holds
  std::int64_t last_use_ = 0;
};

}  // namespace galley::agent
