#include "locality.h"

namespace galley::scheduler {
namespace {

/// Seconds of transfer that the memory of a rate spans: old ones fade as new ones come.
constexpr double kMemorySeconds = 600;

}  // namespace

void Locality::Rate::add(double more_bytes, double more_seconds) {
  bytes += more_bytes;
  seconds += more_seconds;
  if (seconds <= kMemorySeconds) return;
  bytes *= kMemorySeconds / seconds;
  seconds = kMemorySeconds;
}

void Locality::set_contents(const NodeId& node, std::vector<std::string> names) {
  contents_[node] = {names.begin(), names.end()};
}

void Locality::add_content(const NodeId& node, const std::string& name) {
  contents_[node].insert(name);
}

void Locality::see_transfer(const NodeId& node, std::int64_t bytes, Millis took) {
  // What took no measurable time says nothing about a rate.
  if (bytes <= 0 || took <= Millis{0}) return;
  const double seconds = static_cast<double>(took.count()) / 1e3;
  rates_[node].add(static_cast<double>(bytes), seconds);
  all_.add(static_cast<double>(bytes), seconds);
}

double Locality::bytes_per_s(const NodeId& node) const {
  const auto known = rates_.find(node);
  if (known != rates_.end()) return known->second.bytes / known->second.seconds;
  return all_.seconds > 0 ? all_.bytes / all_.seconds : kUsualRate;
}

void Locality::measure(const Content& content, Millis built) {
  Measured& known = measured_[content.name];
  known.bytes = content.bytes;
  known.build_s = static_cast<double>(built.count()) / 1e3;
  if (known.build_s > 0) last_build_s_ = known.build_s;
}

double Locality::delay_s(const NodeId& node, const QueuedJob& job) const {
  double missing_bytes = 0;
  double build_s = 0;
  bool builds = false;
  const auto here = contents_.find(node);
  for (std::size_t i = 0; i < job.contents.size(); ++i) {
    const Content& content = job.contents[i];
    if (here != contents_.end() && here->second.contains(content.name)) continue;
    if (content.for_build && !builds) continue;
    const auto known = measured_.find(content.name);
    if (i == 0 && job.container == Container::build) {
      builds = true;
      build_s = known != measured_.end() && known->second.build_s > 0 ? known->second.build_s
                                                                      : last_build_s_;
      continue;
    }
    missing_bytes +=
        static_cast<double>(known != measured_.end() ? known->second.bytes : content.bytes);
  }
  return build_s + missing_bytes / bytes_per_s(node);
}

std::vector<float> Locality::delays(const Fleet& fleet, const QueuedJob& job) const {
  std::vector<float> delays;
  if (job.contents.empty()) return delays;
  delays.reserve(fleet.size());
  for (std::size_t i = 0; i < fleet.size(); ++i)
    delays.push_back(static_cast<float>(delay_s(fleet.offer(static_cast<NodeIndex>(i)).id, job)));
  return delays;
}

}  // namespace galley::scheduler
