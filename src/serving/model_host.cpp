#include "serving/model_host.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "latency.h"
#include "name_table.h"
#include "placements_file.h"
#include "snapshot_folder.h"

namespace galley::serving {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kComponent = "serving";
/// Snapshots that were prepared and not applied yet. A move prepares one and applies it at once, so
/// more than a few are moves that somebody gave up.
constexpr std::size_t kMaxPrepared = 4;

using SnapshotPtr = std::shared_ptr<const LoadedSnapshot>;

std::string text_field(std::size_t index, std::size_t count) {
  return count == 1 ? "text" : fmt::format("texts[{}]", index);
}

Error with_field(Error error, std::string field) {
  error.code = Errc::invalid_argument;
  error.field = std::move(field);
  return error;
}

Result<Answer> answer_texts(const Channel& channel, const std::vector<std::string_view>& texts) {
  if (texts.empty() || texts.size() > ModelHost::kMaxTexts)
    return Error{Errc::invalid_argument, fmt::format("found {} texts", texts.size()), "texts",
                 fmt::format("1 to {} texts", ModelHost::kMaxTexts)};
  const Placement& placement = channel.placed.placement;
  const LoadedSnapshot& snapshot = *channel.snapshot;
  Answer answer{.model = placement.model,
                .snapshot_id = placement.snapshot_id,
                .snapshot_ref = placement.snapshot_ref,
                .labels = snapshot.labels,
                .predictions = {}};
  answer.predictions.reserve(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].size() > ModelHost::kMaxTextBytes)
      return Error{Errc::invalid_argument, fmt::format("found {} bytes", texts[i].size()),
                   text_field(i, texts.size()),
                   fmt::format("at most {} bytes", ModelHost::kMaxTextBytes)};
    auto predicted = snapshot.classifier->predict(texts[i]);
    if (!predicted) return with_field(std::move(predicted).error(), text_field(i, texts.size()));
    answer.predictions.push_back(
        {(*snapshot.labels)[predicted->label_index], std::move(predicted->probabilities)});
  }
  return answer;
}

ModelHost::Loaded describe_channel(const Channel& channel) {
  return {.placement = channel.placed.placement,
          .family = channel.snapshot->family,
          .memory_bytes = channel.snapshot->classifier->memory_bytes(),
          .labels = *channel.snapshot->labels,
          .predictions_total = channel.predictions->load(std::memory_order_relaxed)};
}

}  // namespace

struct ModelHost::Impl {
  Impl(fs::path placements_file, SnapshotFolder snapshots, const Clock& time)
      : file(std::move(placements_file)),
        folder(std::move(snapshots)),
        clock(time),
        latency(time.steady()),
        table(std::make_shared<const NameTable>(std::vector<Channel>{})) {}

  std::shared_ptr<const NameTable> names() const {
    const std::lock_guard lock(table_mutex);
    return table;
  }
  void show(std::vector<Channel> channels) {
    auto next = std::make_shared<const NameTable>(std::move(channels));
    {
      const std::lock_guard lock(table_mutex);
      table.swap(next);
    }
    // The old table, and with it perhaps a model, is freed here and not under the lock.
  }

  void load_all(std::vector<PlacedChannel> placed);
  Result<SnapshotPtr> get_snapshot_locked(const Placement& placement);
  bool is_stale(const Channel* current, const Placement& placement) const;
  void remove_unused_locked() const;

  const fs::path file;
  const SnapshotFolder folder;
  const Clock& clock;
  mutable Latency latency;

  std::mutex control_mutex;  // held while loading; guards prepared, the file and the folders
  std::deque<SnapshotPtr> prepared;  // oldest first
  /// Guards the pointer alone, for the nanoseconds of a copy. std::atomic<std::shared_ptr> of this
  /// library spins on a bit of the pointer instead, and thread sanitizer cannot follow it.
  mutable std::mutex table_mutex;
  std::shared_ptr<const NameTable> table;
};

void ModelHost::Impl::load_all(std::vector<PlacedChannel> placed) {
  std::vector<Channel> channels;
  std::map<std::string, Result<SnapshotPtr>, std::less<>> by_id;
  for (PlacedChannel& one : placed) {
    const Placement& p = one.placement;
    const auto known = by_id.find(p.snapshot_id);
    const auto loaded = known != by_id.end()
                            ? known->second
                            : by_id.emplace(p.snapshot_id, folder.load(p)).first->second;
    Channel channel{.placed = std::move(one),
                    .snapshot = loaded ? *loaded : nullptr,
                    .fault = loaded ? Error{} : loaded.error(),
                    .predictions = std::make_shared<std::atomic<std::int64_t>>(0)};
    if (!loaded)
      log::error(kComponent, "a placed model cannot be loaded; the others are served",
                 {{"model", channel.placed.placement.model},
                  {"channel", channel.placed.placement.channel},
                  {"reason", describe(loaded.error())}});
    channels.push_back(std::move(channel));
  }
  show(std::move(channels));
}

Result<SnapshotPtr> ModelHost::Impl::get_snapshot_locked(const Placement& placement) {
  SnapshotPtr found = names()->find_snapshot(placement.snapshot_id);
  for (const auto& candidate : prepared)
    if (!found && candidate->id == placement.snapshot_id) found = candidate;
  if (!found) return folder.load(placement);
  if (found->manifest_sha256 == placement.manifest_sha256) return found;
  return Error{
      Errc::conflict,
      fmt::format("snapshot {} is loaded with manifest {} and cannot also have {}",
                  placement.snapshot_id, found->manifest_sha256, placement.manifest_sha256)};
}

bool ModelHost::Impl::is_stale(const Channel* current, const Placement& placement) const {
  if (current == nullptr) return false;
  const Placement& shown = current->placed.placement;
  if (placement.generation != shown.generation) return placement.generation < shown.generation;
  // The same move again: nothing to do, unless it could not be carried out the last time.
  return current->snapshot != nullptr || placement.snapshot_id != shown.snapshot_id;
}

void ModelHost::Impl::remove_unused_locked() const {
  std::set<std::string, std::less<>> needed;
  for (const Channel& channel : names()->channels()) {
    needed.insert(channel.placed.placement.snapshot_id);
    needed.insert(channel.placed.previous_snapshot_id);
  }
  for (const auto& snapshot : prepared) needed.insert(snapshot->id);
  folder.keep_only(needed);
}

ModelHost::ModelHost(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ModelHost::~ModelHost() = default;

Result<std::unique_ptr<ModelHost>> ModelHost::open(const fs::path& folder, blobs::BlobStore& blobs,
                                                   const Clock& clock) {
  GALLEY_TRY(auto snapshots, SnapshotFolder::open(folder / "models", blobs));
  const fs::path file = folder / "placements.json";
  GALLEY_TRY(auto placed, read_placements(file));
  auto impl = std::make_unique<Impl>(file, std::move(snapshots), clock);
  impl->load_all(std::move(placed));
  impl->remove_unused_locked();
  return std::unique_ptr<ModelHost>(new ModelHost(std::move(impl)));
}

Status ModelHost::prepare(const Placement& placement) {
  GALLEY_TRY_STATUS(check_placement(placement));
  const std::lock_guard lock(impl_->control_mutex);
  GALLEY_TRY(auto snapshot, impl_->get_snapshot_locked(placement));
  auto& prepared = impl_->prepared;
  std::erase_if(prepared, [&](const SnapshotPtr& one) { return one->id == snapshot->id; });
  prepared.push_back(std::move(snapshot));
  if (prepared.size() > kMaxPrepared) prepared.pop_front();
  return ok();
}

Status ModelHost::apply(const Placement& placement) {
  GALLEY_TRY_STATUS(check_placement(placement));
  const std::lock_guard lock(impl_->control_mutex);
  const auto before = impl_->names();
  const Channel* current = before->find_channel(placement.model, placement.channel);
  if (impl_->is_stale(current, placement)) return ok();
  GALLEY_TRY(auto snapshot, impl_->get_snapshot_locked(placement));

  Channel next{.placed = {.placement = placement},
               .snapshot = std::move(snapshot),
               .predictions = std::make_shared<std::atomic<std::int64_t>>(0)};
  if (current != nullptr) {
    const PlacedChannel& shown = current->placed;
    next.placed.previous_snapshot_id = shown.placement.snapshot_id == placement.snapshot_id
                                           ? shown.previous_snapshot_id
                                           : shown.placement.snapshot_id;
    next.predictions = current->predictions;
  }
  std::vector<Channel> channels;
  for (const Channel& channel : before->channels())
    if (&channel != current) channels.push_back(channel);
  channels.push_back(std::move(next));

  // Remembered before it is shown: an answer that was given is of a model that a restart gives too.
  std::vector<PlacedChannel> placed;
  for (const Channel& channel : channels) placed.push_back(channel.placed);
  GALLEY_TRY_STATUS(write_placements(impl_->file, placed));
  impl_->show(std::move(channels));
  std::erase_if(impl_->prepared,
                [&](const SnapshotPtr& one) { return one->id == placement.snapshot_id; });
  impl_->remove_unused_locked();
  log::info(kComponent, "channel moved",
            {{"model", placement.model},
             {"channel", placement.channel},
             {"snapshot", placement.snapshot_ref},
             {"generation", std::to_string(placement.generation)}});
  return ok();
}

Result<Answer> ModelHost::predict(std::string_view name,
                                  const std::vector<std::string_view>& texts) const {
  const Instant begin = impl_->clock.steady();
  const auto names = impl_->names();
  const auto channel = names->resolve(name);
  auto answer = channel ? answer_texts(**channel, texts) : Result<Answer>(channel.error());
  if (!answer) {
    impl_->latency.add_error();
    return answer;
  }
  const auto count = static_cast<std::int64_t>(texts.size());
  (*channel)->predictions->fetch_add(count, std::memory_order_relaxed);
  impl_->latency.add(begin, impl_->clock.steady(), count);
  return answer;
}

std::vector<ModelHost::Loaded> ModelHost::loaded() const {
  std::vector<Loaded> list;
  const auto names = impl_->names();
  for (const Channel& channel : names->channels())
    if (channel.snapshot) list.push_back(describe_channel(channel));
  return list;
}

std::vector<ModelHost::Broken> ModelHost::broken() const {
  std::vector<Broken> list;
  const auto names = impl_->names();
  for (const Channel& channel : names->channels())
    if (!channel.snapshot) list.push_back({channel.placed.placement, channel.fault});
  return list;
}

Result<ModelHost::Loaded> ModelHost::find(std::string_view name) const {
  const auto names = impl_->names();
  GALLEY_TRY(const Channel* channel, names->resolve(name));
  return describe_channel(*channel);
}

ModelHost::Stats ModelHost::stats() const { return impl_->latency.read(impl_->clock.steady()); }

}  // namespace galley::serving
