#include "downloads.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace galley::mlflow {

struct Downloads::Download {
  http::Stream stream;
  blobs::ManifestFile file;
  std::int64_t from = 0;
  std::int64_t to = 0;
  std::string piece{};  // read, and refused by the stream so far
  bool over = false;
};

Downloads::Downloads(const blobs::BlobStore& blobs)
    : blobs_(blobs), thread_([this](const std::stop_token& stop) { run(stop); }) {}

Downloads::~Downloads() {
  thread_.request_stop();
  changed_.notify_all();
}

void Downloads::send(http::Stream stream, blobs::ManifestFile file, std::int64_t from,
                     std::int64_t to) {
  const auto download = std::make_shared<Download>(
      Download{.stream = stream, .file = std::move(file), .from = from, .to = to});
  const std::weak_ptr<Download> known = download;
  {
    const std::lock_guard lock(mutex_);
    under_way_.insert(download);
  }
  stream.on_drain([this, known] { wake(known); });
  stream.on_close([this, known] { forget(known); });
  wake(known);
}

void Downloads::wake(const std::weak_ptr<Download>& known) {
  const auto download = known.lock();
  const std::lock_guard lock(mutex_);
  if (download == nullptr || std::ranges::find(ready_, download) != ready_.end()) return;
  ready_.push_back(download);
  changed_.notify_one();
}

void Downloads::forget(const std::weak_ptr<Download>& known) {
  const auto download = known.lock();
  const std::lock_guard lock(mutex_);
  under_way_.erase(download);
}

void Downloads::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !ready_.empty(); })) {
    const auto next = ready_.front();
    ready_.pop_front();
    lock.unlock();
    const bool again = step(*next);
    lock.lock();
    if (next->over) under_way_.erase(next);
    if (again && std::ranges::find(ready_, next) == ready_.end()) ready_.push_back(next);
  }
}

bool Downloads::step(Download& download) {
  if (download.over) return false;
  if (download.piece.empty() && download.from < download.to) {
    const auto index = static_cast<std::size_t>(download.from / blobs::kChunkBytes);
    auto chunk = blobs_.get(download.file.chunks[index]);
    if (!chunk) {
      log::warn("mlflow", "an artifact cannot be sent", {{"reason", describe(chunk.error())}});
      download.over = true;  // unfinished, which the reader sees
      return false;
    }
    const std::int64_t begin = static_cast<std::int64_t>(index) * blobs::kChunkBytes;
    const auto first = static_cast<std::size_t>(download.from - begin);
    const auto last = static_cast<std::size_t>(
        std::min(download.to - begin, static_cast<std::int64_t>(chunk->size())));
    download.piece = chunk->substr(first, last - first);
    download.from = begin + static_cast<std::int64_t>(last);
  }
  if (!download.piece.empty()) {
    const auto pushed = download.stream.write(download.piece);
    if (pushed == http::Stream::Push::full) return false;  // until it drains
    download.piece.clear();
    if (pushed == http::Stream::Push::closed) {
      download.over = true;
      return false;
    }
  }
  if (download.from < download.to) return true;
  download.over = true;
  download.stream.finish();
  return false;
}

}  // namespace galley::mlflow
