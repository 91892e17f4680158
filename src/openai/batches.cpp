#include "batches.h"

#include <algorithm>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "batch_run.h"

namespace galley::openai {
namespace {

constexpr std::int64_t kMaxRecordBytes = 1 << 20;
constexpr const char* kRecordFile = "batch.json";

}  // namespace

Result<std::unique_ptr<Batches>> Batches::open(std::filesystem::path folder, FileStore& files,
                                               const Planning& planning) {
  GALLEY_TRY_STATUS(make_folders(folder));
  std::unique_ptr<Batches> batches(new Batches(std::move(folder), files, planning));
  GALLEY_TRY_STATUS(batches->read_folder());
  batches->thread_ =
      std::jthread([at = batches.get()](const std::stop_token& stop) { at->work(stop); });
  return batches;
}

Status Batches::read_folder() {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, failed)) {
    const auto text = read_file(entry.path() / kRecordFile, kMaxRecordBytes);
    if (!text) continue;  // its creation was never answered
    auto batch = read_batch(*text);
    if (!batch)
      log::warn("openai", "a stored batch is skipped",
                {{"batch", entry.path().filename().string()}, {"reason", describe(batch.error())}});
    else if (batch->id == entry.path().filename())
      batches_[batch->id] = *std::move(batch);
  }
  if (failed) return system_error("cannot read " + folder_.string(), failed.value());
  return ok();
}

Status Batches::store_locked(const BatchRecord& batch) {
  const auto folder = folder_of(batch.id);
  GALLEY_TRY_STATUS(make_folders(folder));
  GALLEY_TRY_STATUS(write_file_atomic(folder / kRecordFile, dump_json(print_batch(batch)),
                                      Durability::disk, 0600));
  GALLEY_TRY_STATUS(sync_folder(folder_));
  show(batch);
  return ok();
}

Status Batches::keep(const BatchRecord& batch) {
  const std::lock_guard lock(records_mutex_);
  return store_locked(batch);
}

void Batches::show(const BatchRecord& batch) {
  {
    const std::lock_guard lock(mutex_);
    batches_[batch.id] = batch;
  }
  changed_.notify_all();
}

void Batches::show_counts(const BatchRecord& batch) {
  const std::lock_guard lock(mutex_);
  BatchRecord& shown = batches_[batch.id];
  shown.total = batch.total;
  shown.completed = batch.completed;
  shown.failed = batch.failed;
}

Status Batches::move_on_locked(BatchRecord& batch, const std::string& status) {
  batch.status = status;
  batch.times[status + "_at"] = to_ms(planning_.clock.wall()) / 1000;
  return store_locked(batch);
}

Status Batches::move_on(BatchRecord& batch, const std::string& status) {
  const std::lock_guard lock(records_mutex_);
  GALLEY_TRY(const BatchRecord stored, find(batch.id));
  if (stored.status == "cancelling") {
    batch.times["cancelling_at"] = stored.times.value("cancelling_at", Json());
    batch.status = stored.status;
    if (status == "in_progress" || status == "finalizing") return ok();
  }
  return move_on_locked(batch, status);
}

Result<BatchRecord> Batches::create(const Json& body) {
  GALLEY_TRY(BatchRecord batch, parse_new_batch(body));
  auto file = files_.find(batch.input_file);
  if (!file) {
    Error error = std::move(file).error();
    error.field = "input_file_id";
    return error;
  }
  batch.id = "batch_" + planning_.ids.next_body();
  batch.status = "validating";
  batch.created_s = to_ms(planning_.clock.wall()) / 1000;
  const std::lock_guard lock(records_mutex_);
  GALLEY_TRY_STATUS(store_locked(batch));
  return batch;
}

Result<BatchRecord> Batches::find(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto found = batches_.find(id);
  if (found != batches_.end()) return found->second;
  return Error{Errc::not_found,
               "there is no batch '" + to_valid_utf8(std::string(id).substr(0, 64)) + "'"};
}

std::vector<BatchRecord> Batches::list() const {
  std::vector<BatchRecord> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, batch] : batches_) all.push_back(batch);
  }
  std::ranges::reverse(all);
  return all;
}

Result<BatchRecord> Batches::cancel(std::string_view id) {
  const std::lock_guard lock(records_mutex_);
  GALLEY_TRY(BatchRecord batch, find(id));
  if (batch.status == "cancelling") return batch;
  if (batch.status != "validating" && batch.status != "in_progress")
    return Error{Errc::conflict,
                 "the batch is " + batch.status + " and cannot be cancelled any more"};
  GALLEY_TRY_STATUS(move_on_locked(batch, "cancelling"));
  return batch;
}

bool Batches::is_cancelled(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  return batches_.at(id).status == "cancelling";
}

void Batches::stop() {
  thread_.request_stop();
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Batches::work(const std::stop_token& stop) {
  const auto next = [this] {
    return std::ranges::find_if(batches_, [](const auto& entry) { return is_open(entry.second); });
  };
  for (;;) {
    BatchRecord batch;
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [&] { return next() != batches_.end(); })) return;
      if (stop.stop_requested()) return;
      batch = next()->second;
    }
    Run run(*this, std::move(batch));
    const auto status = run.go(stop);
    if (stop.stop_requested()) return;
    if (!status) run.give_up(status.error());
  }
}

}  // namespace galley::openai
