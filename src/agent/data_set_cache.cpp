#include "data_set_cache.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>

#include "base/file.h"
#include "base/log.h"
#include "base/units.h"
#include "blobs/materialize.h"
#include "protocol/checkpoint.h"

namespace galley::agent {

namespace fs = std::filesystem;

namespace {

/// Renamed before it is removed: what has the name of a data set is complete.
constexpr const char* kGoing = ".going-";

std::int64_t size_of_tree(const fs::path& folder) {
  std::int64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored))
      bytes += static_cast<std::int64_t>(entry->file_size(ignored));
  }
  return bytes;
}

std::string reference_of(const std::string& folder_name) {
  return folder_name.substr(0, folder_name.rfind('-'));
}

void touch(const fs::path& folder) { ::utimensat(AT_FDCWD, folder.c_str(), nullptr, 0); }

}  // namespace

Result<std::unique_ptr<DataSetCache>> DataSetCache::open(fs::path folder,
                                                         std::int64_t budget_bytes) {
  GALLEY_TRY_STATUS(make_folders(folder));
  std::unique_ptr<DataSetCache> cache(new DataSetCache(std::move(folder), budget_bytes));
  cache->look();
  return cache;
}

void DataSetCache::look() {
  struct Found {
    std::int64_t at = 0;
    std::string name;
  };
  std::vector<Found> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder_, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    struct stat info {};
    if (name.starts_with(kGoing)) {
      (void)blobs::remove_tree(entry->path());
    } else if (name.find('@') != std::string::npos && name.rfind('-') != std::string::npos &&
               ::stat(entry->path().c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
      found.push_back({info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec, name});
    }
  }
  std::ranges::sort(found, {}, &Found::at);
  for (const Found& one : found)
    entries_[one.name] = {reference_of(one.name), size_of_tree(folder_ / one.name), ++last_use_,
                          std::nullopt};
}

bool DataSetCache::is_held_locked(const std::string& reference) const {
  return std::ranges::any_of(holders_, [&](const auto& holder) {
    return std::ranges::find(holder.second, reference) != holder.second.end();
  });
}

void DataSetCache::make_room(std::int64_t more_bytes) {
  std::vector<fs::path> going;
  {
    const std::lock_guard lock(mutex_);
    std::int64_t total = more_bytes;
    for (const auto& [name, entry] : entries_) total += entry.bytes;
    while (total > budget_bytes_) {
      auto oldest = entries_.end();
      for (auto entry = entries_.begin(); entry != entries_.end(); ++entry)
        if (!is_held_locked(entry->second.reference) &&
            (oldest == entries_.end() || entry->second.used < oldest->second.used))
          oldest = entry;
      if (oldest == entries_.end()) break;
      const fs::path gone = folder_ / (kGoing + oldest->first);
      std::error_code error;
      fs::rename(folder_ / oldest->first, gone, error);
      log::info("agent", "a data set leaves the cache",
                {{"dataset", oldest->second.reference},
                 {"bytes", std::to_string(oldest->second.bytes)},
                 {"budget_bytes", std::to_string(budget_bytes_)}});
      total -= oldest->second.bytes;
      entries_.erase(oldest);
      if (!error) going.push_back(gone);
    }
    if (total > budget_bytes_)
      log::warn(
          "agent", "the data sets that jobs use are larger than the cache may be",
          {{"bytes", std::to_string(total)}, {"budget_bytes", std::to_string(budget_bytes_)}});
  }
  for (const fs::path& folder : going)
    if (auto removed = blobs::remove_tree(folder); !removed)
      log::warn("agent", "cannot remove a data set", {{"error", describe(removed.error())}});
}

Result<DataSet> DataSetCache::prepare_one(const std::string& reference,
                                          const FindManifest& find_manifest,
                                          const blobs::BlobStore& blobs, const Stored& stored) {
  const auto start = std::chrono::steady_clock::now();
  blobs::Manifest found;
  const FindManifest with_room = [&](std::string_view wanted) -> Result<blobs::Manifest> {
    GALLEY_TRY(found, find_manifest(wanted));
    std::error_code ignored;
    if (!fs::exists(data_set_folder(folder_, wanted, found), ignored))
      make_room(found.size_bytes());
    return found;
  };
  GALLEY_TRY(auto sets, prepare_data_sets({reference}, with_room, blobs, folder_));
  DataSet set = std::move(sets.front());
  touch(set.folder);
  bool fresh = false;
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[set.folder.filename().string()];
    fresh = entry.used == 0;
    entry.reference = reference;
    entry.bytes = found.size_bytes();
    entry.used = ++last_use_;
    if (fresh)
      entry.fetched = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - start);
  }
  if (fresh && stored) stored(found);
  return set;
}

Result<std::vector<DataSet>> DataSetCache::prepare(const std::vector<std::string>& references,
                                                   const FindManifest& find_manifest,
                                                   const blobs::BlobStore& blobs,
                                                   const std::string& holder,
                                                   const Stored& stored) {
  // Held before it is there: room for the next one must not be made of it.
  hold(references, holder);
  std::vector<DataSet> sets;
  for (const std::string& reference : references) {
    const bool again =
        std::ranges::any_of(sets, [&](const DataSet& set) { return set.reference == reference; });
    if (again) continue;
    auto set = prepare_one(reference, find_manifest, blobs, stored);
    if (!set) {
      release(holder);
      return std::move(set).error();
    }
    sets.push_back(*std::move(set));
  }
  return sets;
}

void DataSetCache::hold(const std::vector<std::string>& references, const std::string& holder) {
  if (references.empty()) return;
  const std::lock_guard lock(mutex_);
  holders_[holder] = references;
}

void DataSetCache::release(const std::string& holder) {
  {
    const std::lock_guard lock(mutex_);
    if (holders_.erase(holder) == 0) return;
  }
  make_room(0);
}

std::vector<protocol::ContentRecord> DataSetCache::contents() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, protocol::ContentRecord> by_name;
  for (const auto& [folder, entry] : entries_)
    if (protocol::manifest_of_content(entry.reference).empty())  // of no use to other jobs
      by_name[entry.reference] = {entry.reference, entry.bytes, entry.fetched, std::nullopt};
  std::vector<protocol::ContentRecord> records;
  for (auto& [name, record] : by_name) records.push_back(std::move(record));
  return records;
}

}  // namespace galley::agent
