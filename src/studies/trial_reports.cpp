#include "trial_reports.h"

#include <algorithm>
#include <map>
#include <optional>

#include "protocol/checkpoint.h"

namespace galley::studies {
namespace {

using hpo::Event;

/// What was measured at each step that has all measures.
std::map<std::int64_t, std::vector<double>> reports_of(
    const std::vector<std::vector<tracking::Point>>& measures) {
  std::map<std::int64_t, std::vector<double>> reports;
  for (std::size_t i = 0; i < measures.size(); ++i)
    for (const auto& point : measures[i]) {
      auto& values = reports[point.step];
      if (values.size() == i) values.push_back(point.value);
      if (values.size() == i + 1) values[i] = point.value;
    }
  std::erase_if(reports, [&](const auto& one) { return one.second.size() != measures.size(); });
  return reports;
}

}  // namespace

std::vector<Event> told_by_run(const RunId& run,
                               const std::vector<std::vector<tracking::Point>>& measures,
                               const std::vector<tracking::Point>& resources,
                               const std::vector<tracking::Artifact>& files, double from) {
  const auto reports = reports_of(measures);
  // Where the program says how far it is in the study's own units, its steps mean something else.
  std::map<std::int64_t, double> told;
  for (const auto& point : resources) told[point.step] = point.value;
  const auto raw = [&](std::int64_t step) {
    const auto found = told.find(step);
    return found == told.end() ? static_cast<double>(step) : found->second;
  };
  double offset = 0;
  if (!reports.empty()) {
    const double first = raw(reports.begin()->first);
    const bool counts_anew = from > 0 && told.empty() && first <= 0;
    if (first <= 0 || first == from) offset = 1;
    if (counts_anew) offset += from;
  }
  std::vector<Event> events;
  for (const auto& [step, values] : reports)
    events.push_back(
        {.kind = Event::Kind::reported, .resource = raw(step) + offset, .objectives = values});
  const double newest = reports.empty() ? from : raw(reports.rbegin()->first) + offset;
  for (const auto& file : files) {
    if (file.kind != tracking::ArtifactKind::checkpoint) continue;
    const bool is_placed =
        file.step && (told.contains(*file.step) || reports.contains(*file.step) || told.empty());
    events.push_back({.kind = Event::Kind::checkpointed,
                      .resource = is_placed ? raw(*file.step) + offset : newest,
                      .text = protocol::print_checkpoint({run, file.path, file.manifest_sha256})});
  }
  std::ranges::stable_sort(events, [](const Event& a, const Event& b) {
    if (a.resource != b.resource) return a.resource < b.resource;
    return a.kind == Event::Kind::checkpointed && b.kind != Event::Kind::checkpointed;
  });
  return events;
}

}  // namespace galley::studies
