#include "agent/remote_link.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/log.h"
#include "blob_exchange.h"
#include "data_sets.h"
#include "remote_link_impl.h"

namespace galley::agent {
namespace {

constexpr Millis kAttachTimeout{3'000};
constexpr Millis kPollTimeout{30'000};  // a poll waits for 20 s at the controller
// A leader that was paused keeps its connections open: this is how soon its agents go to the next.
constexpr Millis kPulseTimeout{2'000};
constexpr Millis kSmallTimeout{5'000};
constexpr Millis kBulkTimeout{120'000};

/// What a job's chunks need that were never delivered: a checkpoint is not that old.
constexpr Millis kLeftoverAge = std::chrono::hours(24 * 7);

http::Client::Call posted(std::string target, std::string body) {
  return {.method = "POST", .target = std::move(target), .body = std::move(body)};
}

void remove_leftovers(blobs::BlobStore& blobs, WallTime before) {
  const auto all = blobs.list();
  if (!all) return;
  for (const blobs::BlobInfo& blob : *all) (void)blobs.remove_unused(blob.name, before);
  (void)blobs.remove_leftovers(before);
}

/// More than a machine in trouble says while its controller is away; older ones go first.
constexpr std::size_t kMostToldOnce = 1'000;

template <class T>
void put_before(const std::vector<T>& older, std::vector<T>& list) {
  list.insert(list.begin(), older.begin(), older.end());
  if (list.size() > kMostToldOnce)
    list.erase(list.begin(), list.end() - static_cast<std::ptrdiff_t>(kMostToldOnce));
}

/// Adds to a sample what the one before it, which was not delivered, would have told.
void keep_told_once(const std::optional<protocol::NodeSample>& before,
                    protocol::NodeSample& sample) {
  if (!before) return;
  put_before(before->xids, sample.xids);
  put_before(before->self_tests, sample.self_tests);
}

/// That this agent is not known at the moment says nothing about the message: only what is refused
/// for its content must not come again.
Status message_outcome(Result<http::Response> answer) {
  if (answer) return ok();
  auto error = std::move(answer).error();
  if (error.code == Errc::unauthenticated || error.code == Errc::forbidden)
    error.code = Errc::unavailable;
  return error;
}

}  // namespace

RemoteControllerLink::Impl::Impl(RemoteLinkOptions chosen, blobs::BlobStore& store, const Clock& by,
                                 EpochMemory newest_epoch, std::string mark)
    : options(std::move(chosen)),
      blobs(store),
      clock(by),
      epoch(std::move(newest_epoch)),
      machine(std::move(mark)),
      attach_lane(options.identity.access, session.poll_flag().fd(), kAttachTimeout),
      poll_lane(options.identity.access, session.poll_flag().fd(), kPollTimeout),
      data_lane(options.identity.access, session.stop_flag().fd(), kBulkTimeout),
      pulse_lane(options.identity.access, session.away_flag().fd(), kPulseTimeout),
      small_lane(options.identity.access, session.away_flag().fd(), kSmallTimeout),
      bulk_lane(options.identity.access, session.away_flag().fd(), kBulkTimeout) {}

RemoteControllerLink::Impl::~Impl() {
  session.stop();
  if (thread.joinable()) thread.join();
}

RemoteControllerLink::RemoteControllerLink(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RemoteControllerLink::~RemoteControllerLink() { stop(); }

Result<std::unique_ptr<RemoteControllerLink>> RemoteControllerLink::open(RemoteLinkOptions options,
                                                                         blobs::BlobStore& blobs,
                                                                         const Clock& clock) {
  GALLEY_TRY(auto epoch, EpochMemory::open(options.data_folder / "agent" / "epoch"));
  GALLEY_TRY(auto machine, machine_mark(options.data_folder));
  auto impl = std::make_unique<Impl>(std::move(options), blobs, clock, std::move(epoch),
                                     std::move(machine));
  GALLEY_TRY(impl->table,
             AllocationTable::open(impl->options.data_folder / "agent" / "allocations.json"));
  GALLEY_TRY(impl->shipper, LogShipper::start(impl->options.identity.access, impl->session));
  GALLEY_TRY_STATUS(impl->take_stock());
  remove_leftovers(blobs, clock.wall() - kLeftoverAge);
  return std::unique_ptr<RemoteControllerLink>(new RemoteControllerLink(std::move(impl)));
}

Status RemoteControllerLink::begin(Agent& agent) {
  impl_->agent = &agent;
  if (auto attached = impl_->attach_anywhere(); !attached && !is_passing(attached.error().code))
    return attached;
  impl_->thread = std::thread([impl = impl_.get()] { impl->serve(); });
  return ok();
}

void RemoteControllerLink::stop() {
  impl_->session.stop();
  if (impl_->thread.joinable()) impl_->thread.join();
  impl_->shipper->stop();
}

std::string RemoteControllerLink::job_token(const protocol::Assignment& assignment) const {
  const std::lock_guard lock(impl_->mutex);
  const auto found = impl_->job_tokens.find(assignment.attempt_id);
  return found == impl_->job_tokens.end() ? std::string() : found->second;
}

void RemoteControllerLink::report(protocol::AttemptReport report, Done done) {
  Impl* impl = impl_.get();
  const AttemptId attempt = report.attempt_id;
  auto send = [impl, report = std::move(report), done = std::move(done)]() mutable {
    impl->small.run([impl, report = std::move(report), done = std::move(done)] {
      const Status stored = impl->send_report(report);
      // It had been given up: until we attach without it, the node gives nothing.
      if (!stored && stored.error().code == Errc::conflict && is_final(report.state))
        impl->session.renew();
      done(stored);
    });
  };
  if (!is_final(report.state)) return send();
  impl->table->end(attempt);
  // Whoever hears of the end reads the log, so that comes first.
  impl->shipper->flush(attempt, std::move(send));
}

void RemoteControllerLink::progress(protocol::ProgressReport report, std::vector<FrozenFile> files,
                                    Done done) {
  Impl* impl = impl_.get();
  const bool large = !files.empty();
  auto task = [impl, large, report = std::move(report), files = std::move(files),
               done = std::move(done)] {
    done(impl->send_progress(report, files, large ? impl->bulk_lane : impl->small_lane));
  };
  (large ? impl->bulk : impl->small).run(std::move(task));
}

void RemoteControllerLink::heartbeat(protocol::NodeRecord node) {
  Impl* impl = impl_.get();
  {
    const std::lock_guard lock(impl->mutex);
    impl->newest = std::move(node);
    if (std::exchange(impl->heartbeat_queued, true)) return;
  }
  impl->pulse.run([impl] { impl->send_heartbeat(); });
}

void RemoteControllerLink::samples(protocol::NodeSample sample) {
  Impl* impl = impl_.get();
  {
    const std::lock_guard lock(impl->mutex);
    keep_told_once(impl->sample, sample);
    impl->sample = std::move(sample);
    if (std::exchange(impl->sample_queued, true)) return;
  }
  impl->small.run([impl] { impl->send_sample(); });
}

Result<blobs::Manifest> RemoteControllerLink::dataset(std::string_view reference) {
  const auto attached = impl_->session.now();
  if (!attached) return Error{Errc::unavailable, "no controller can be reached"};
  GALLEY_TRY(auto manifest, fetch_manifest(reference, impl_->data_lane, attached->address));
  const auto cache = impl_->options.data_folder / "cache" / "datasets";
  std::error_code ignored;
  if (!std::filesystem::exists(data_set_folder(cache, reference, manifest), ignored))
    GALLEY_TRY_STATUS(fetch_chunks(manifest, impl_->blobs, impl_->data_lane, attached->address));
  return manifest;
}

Result<std::vector<std::string>> RemoteControllerLink::secrets(const AttemptId& attempt,
                                                               std::int64_t rank) {
  const auto attached = impl_->session.now();
  if (!attached) return Error{Errc::unavailable, "no controller can be reached"};
  GALLEY_TRY(const auto answer,
             impl_->data_lane.send(attached->address,
                                   {.method = "GET",
                                    .target = "/internal/v1/attempts/" + attempt.str() +
                                              "/secrets?rank=" + std::to_string(rank)}));
  try {
    return Json::parse(answer.body).at("secrets").get<std::vector<std::string>>();
  } catch (const Json::exception&) {
    // Without what it said: that could be a value.
    return Error{Errc::corrupt, "the controller's answer about secrets cannot be read"};
  }
}

void RemoteControllerLink::dataset_stored(const blobs::Manifest& manifest) {
  // What a freeze under way counts on was used since then, and stays.
  const WallTime now = impl_->clock.wall();
  for (const std::string& name : manifest.chunks()) (void)impl_->blobs.remove_unused(name, now);
}

Status RemoteControllerLink::Impl::send_report(const protocol::AttemptReport& report) {
  const auto attached = session.now();
  if (!attached) return Error{Errc::unavailable, "no controller can be reached"};
  return message_outcome(small_lane.send(
      attached->address, posted("/internal/v1/report", protocol::print_message(report))));
}

Status RemoteControllerLink::Impl::send_progress(const protocol::ProgressReport& report,
                                                 const std::vector<FrozenFile>& files, Lane& lane) {
  const auto attached = session.now();
  if (!attached) return Error{Errc::unavailable, "no controller can be reached"};
  std::vector<protocol::ProgressFile> sent;
  for (const FrozenFile& file : files) {
    GALLEY_TRY_STATUS(
        upload_frozen(file.manifest_sha256, blobs, lane, attached->address, clock.wall()));
    sent.push_back({file.path, file.kind, file.manifest_sha256, file.size_bytes, file.step});
  }
  return message_outcome(
      lane.send(attached->address,
                posted("/internal/v1/progress",
                       protocol::print_message(protocol::to_message(report, std::move(sent))))));
}

void RemoteControllerLink::Impl::send_heartbeat() {
  protocol::NodeRecord node;
  {
    const std::lock_guard lock(mutex);
    heartbeat_queued = false;
    node = *newest;
  }
  const auto attached = session.now();
  if (!attached) return;
  node = offered(std::move(node));
  protocol::Heartbeat beat{.session = attached->session,
                           .load_1m = node.load_1m,
                           .cpu_used_ratio = node.cpu_used_ratio,
                           .memory_used_bytes = node.memory_used_bytes,
                           .disk_free_bytes = node.disk_free_bytes,
                           .notes = std::exchange(node.notes, {}),
                           .node = {},
                           .clock = clock.wall()};
  node.load_1m = node.cpu_used_ratio = 0;
  node.memory_used_bytes = node.disk_free_bytes = 0;
  std::string record = protocol::print_message(node);
  if (record != sent_record || attached->session != sent_session) beat.node = std::move(node);
  const auto answer = pulse_lane.send(
      attached->address, posted("/internal/v1/heartbeat", protocol::print_message(beat)));
  if (answer) {
    sent_record = std::move(record);
    sent_session = attached->session;
    return;
  }
  // The poll would notice a connection that has gone silent only when its time is up.
  if (session.now() == attached) session.end(answer.error().code == Errc::timeout);
}

/// What cannot be delivered waits for the next sample: only what is told once is worth keeping.
void RemoteControllerLink::Impl::send_sample() {
  std::optional<protocol::NodeSample> taken;
  {
    const std::lock_guard lock(mutex);
    sample_queued = false;
    taken = std::exchange(sample, std::nullopt);
  }
  if (!taken) return;
  const auto attached = session.now();
  if (attached && small_lane.send(attached->address,
                                  posted("/internal/v1/samples", protocol::print_message(*taken))))
    return;
  const std::lock_guard lock(mutex);
  if (!sample) {
    sample = std::move(taken);
    return;
  }
  keep_told_once(taken, *sample);
}

protocol::NodeRecord RemoteControllerLink::Impl::offered(protocol::NodeRecord node) const {
  if (!options.address.empty()) node.address = options.address;
  if (node.disk_free_bytes == 0 || node.disk_free_bytes >= options.least_free_bytes) return node;
  const std::string why = "its disk is full: " + std::to_string(node.disk_free_bytes >> 20U) +
                          " MiB are free where attempts are kept, and " +
                          std::to_string(options.least_free_bytes >> 20U) + " MiB must stay so";
  node.cpus = 0;
  for (protocol::DeviceRecord& device : node.devices) {
    device.state = "out_of_service";
    device.reason = why;
  }
  node.notes.push_back(why + "; it takes no jobs");
  return node;
}

}  // namespace galley::agent
