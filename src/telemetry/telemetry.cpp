#include "telemetry/telemetry.h"

#include <algorithm>
#include <cmath>

#include "rollup.h"
#include "telemetry_impl.h"

namespace galley::telemetry {
namespace {

std::vector<float> rounded_all(std::vector<float> values) {
  std::ranges::transform(values, values.begin(), rounded);
  return values;
}

std::string gpu_subject(const Entry& entry, std::string_view uuid) {
  const auto found = std::ranges::find(entry.gpus, uuid, &Entry::Gpu::uuid);
  if (found == entry.gpus.end()) return entry.name + " " + std::string(uuid);
  return entry.name + " GPU " + std::to_string(found->index);
}

std::string stranger_on(const protocol::GpuSample& gpu) {
  const auto found = std::ranges::find_if(
      gpu.processes, [](const auto& process) { return !process.attempt.has_value(); });
  if (found == gpu.processes.end()) return {};
  return "process " + std::to_string(found->pid) + " (" + found->name + ") of " +
         (found->user.empty() ? "an unknown user" : found->user);
}

void put_jobs(Entry& entry, const protocol::NodeSample& sample, std::int64_t now) {
  std::map<std::string, JobCounters> jobs;
  for (const protocol::JobSample& job : sample.jobs) {
    const auto before = entry.jobs.find(job.attempt.str());
    const JobCounters* counters = before == entry.jobs.end() ? nullptr : &before->second;
    entry.window.put(Kind::job, job.attempt.str(), rounded_all(values_of(job, now, counters)));
    jobs[job.attempt.str()] = {now, job.cpu_seconds};
  }
  entry.jobs = std::move(jobs);
}

Reading reading_of(Kind kind, const std::string& node, const std::string& subject, float value) {
  Reading reading{.value = value};
  if (kind == Kind::fleet) {
    reading.subject = "fleet";
  } else if (kind == Kind::team || kind == Kind::user) {
    reading.subject = std::string(word_of(kind)) + " " + subject;
    reading.labels = {{word_of(kind), subject}};
  } else {
    reading.subject = node;
    reading.labels = {{"node", node}};
  }
  return reading;
}

}  // namespace

Telemetry::Telemetry(store::Database& database, const Clock& clock, Options options)
    : impl_(std::make_unique<Impl>(database, clock, options)) {
  impl_->entries.emplace("", std::make_shared<Entry>());
  impl_->entries[""]->name = "fleet";
  if (options.background) impl_->thread = std::thread([this] { impl_->serve(); });
}

Telemetry::~Telemetry() { stop(); }

void Telemetry::stop() {
  {
    const std::lock_guard lock(impl_->stop_mutex);
    if (std::exchange(impl_->stopping, true)) return;
  }
  impl_->stop_changed.notify_all();
  if (impl_->thread.joinable()) impl_->thread.join();
  const std::lock_guard lock(impl_->work_mutex);
  const std::int64_t now = impl_->now_ms();
  impl_->log_failure("the last rows", impl_->store_due(now, true));
  impl_->log_failure("the last usage", impl_->store_usage(now));
}

void Telemetry::on_period(std::function<void(WallTime)> listener) {
  const std::lock_guard lock(impl_->work_mutex);
  impl_->listener = std::move(listener);
}

std::shared_ptr<Entry> Telemetry::Impl::find(const std::string& node) const {
  const std::shared_lock lock(entries_mutex);
  const auto found = entries.find(node);
  return found == entries.end() ? nullptr : found->second;
}

std::vector<std::pair<std::string, std::shared_ptr<Entry>>> Telemetry::Impl::all() const {
  const std::shared_lock lock(entries_mutex);
  return {entries.begin(), entries.end()};
}

bool Telemetry::Impl::is_idle_locked(const Entry& entry, std::string_view uuid,
                                     std::int64_t now) const {
  if (entry.window.empty()) return false;
  // A GPU that was given away a moment ago has not been idle; its first five minutes count as busy
  // as long as we have not looked for so long.
  if (now - entry.window.oldest_ms() < kIdleWindowMs - 2 * options.period.count()) return false;
  const float mean = entry.window.mean_since(kGpuUtilization, uuid, now - kIdleWindowMs);
  return !std::isnan(mean) && static_cast<double>(mean) < kIdleBelowRatio;
}

void Telemetry::add(const NodeId& node, std::string_view name, const protocol::NodeSample& sample) {
  if (node.empty()) return;
  auto entry = impl_->find(node.str());
  if (!entry) {
    const std::unique_lock lock(impl_->entries_mutex);
    if (impl_->entries.size() > impl_->options.max_nodes) return;
    entry = impl_->entries.try_emplace(node.str(), std::make_shared<Entry>()).first->second;
  }
  auto text = std::make_shared<const NodeText>(name, sample);
  const std::int64_t now = impl_->now_ms();
  const std::lock_guard lock(entry->mutex);
  entry->name = name;
  entry->sample_ms = now;
  entry->text = std::move(text);
  entry->gpus.clear();
  entry->window.begin(now);
  entry->window.put(
      Kind::node, "",
      rounded_all(values_of(sample.host, now, entry->host ? &*entry->host : nullptr)));
  entry->host = HostCounters{now, sample.host};
  for (const protocol::GpuSample& gpu : sample.gpus) {
    entry->gpus.push_back({gpu.uuid, gpu.index, gpu.model, stranger_on(gpu)});
    entry->window.put(Kind::gpu, gpu.uuid, rounded_all(values_of(gpu)));
  }
  put_jobs(*entry, sample, now);
}

std::vector<Reading> Telemetry::readings(Metric metric) const {
  if (metric.kind == Kind::platform) return impl_->alarm_readings();
  const std::int64_t now = impl_->now_ms();
  const bool of_fleet = metric.kind >= Kind::team;
  std::vector<Reading> found;
  for (const auto& [id, entry] : impl_->all()) {
    if (id.empty() != of_fleet) continue;
    const std::lock_guard lock(entry->mutex);
    if (entry->window.empty() || now - entry->window.newest_ms() > kFreshMs) continue;
    for (const std::string& subject : entry->window.subjects(metric.kind)) {
      const float value = entry->window.newest(metric, subject);
      if (std::isnan(value)) continue;
      Reading reading = reading_of(metric.kind, entry->name, subject, value);
      if (metric.kind == Kind::gpu) {
        reading.subject = gpu_subject(*entry, subject);
        const auto gpu = std::ranges::find(entry->gpus, subject, &Entry::Gpu::uuid);
        if (gpu != entry->gpus.end())
          reading.labels.emplace_back("gpu", std::to_string(gpu->index));
        reading.labels.emplace_back("uuid", subject);
      }
      if (metric.kind == Kind::job) {
        reading.subject += " " + subject;
        reading.labels.emplace_back("attempt", subject);
      }
      found.push_back(std::move(reading));
    }
  }
  return found;
}

namespace {

NodeNow look(const std::string& id, const Entry& entry) {
  NodeNow now{.id = NodeId::trusted(id), .name = entry.name, .at = from_ms(entry.sample_ms)};
  now.values = entry.window.newest_row(Kind::node, "");
  for (const Entry::Gpu& gpu : entry.gpus)
    now.gpus.push_back({.uuid = gpu.uuid,
                        .index = gpu.index,
                        .model = gpu.model,
                        .values = entry.window.newest_row(Kind::gpu, gpu.uuid)});
  std::ranges::sort(now.gpus, {}, &GpuNow::index);
  return now;
}

}  // namespace

std::optional<NodeNow> Telemetry::newest(const NodeId& node) const {
  const auto entry = impl_->find(node.str());
  if (!entry || node.empty()) return std::nullopt;
  const std::int64_t now = impl_->now_ms();
  std::vector<bool> idle;
  NodeNow seen;
  {
    const std::lock_guard lock(entry->mutex);
    if (entry->sample_ms == 0) return std::nullopt;
    seen = look(node.str(), *entry);
    for (const GpuNow& gpu : seen.gpus)
      idle.push_back(impl_->is_idle_locked(*entry, gpu.uuid, now));
  }
  const std::lock_guard lock(impl_->standing_mutex);
  for (std::size_t i = 0; i < seen.gpus.size(); ++i) {
    seen.gpus[i].allocated = impl_->holders.contains(seen.gpus[i].uuid);
    seen.gpus[i].idle = seen.gpus[i].allocated && idle[i];
  }
  return seen;
}

std::vector<NodeNow> Telemetry::newest(std::string_view after_name, std::size_t limit) const {
  const std::int64_t now = impl_->now_ms();
  std::vector<std::pair<std::string, std::string>> names;  // name, id
  for (const auto& [id, entry] : impl_->all()) {
    const std::lock_guard lock(entry->mutex);
    if (!id.empty() && now - entry->sample_ms <= kFreshMs && entry->name > after_name)
      names.emplace_back(entry->name, id);
  }
  std::ranges::sort(names);
  std::vector<NodeNow> found;
  for (const auto& [name, id] : names) {
    if (found.size() == limit) break;
    if (auto seen = newest(NodeId::trusted(id))) found.push_back(*std::move(seen));
  }
  return found;
}

std::size_t Telemetry::bytes() const {
  std::size_t total = 0;
  for (const auto& [id, entry] : impl_->all()) {
    const std::lock_guard lock(entry->mutex);
    total += sizeof(Entry) + entry->window.bytes() + (entry->text ? entry->text->bytes() : 0);
  }
  return total;
}

Status Telemetry::work() { return impl_->work(); }

}  // namespace galley::telemetry
