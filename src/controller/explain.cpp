#include "explain.h"

#include <fmt/format.h>

#include "base/json.h"

namespace galley::controller {
namespace {

static_assert(static_cast<int>(protocol::Binding::quota) ==
              static_cast<int>(scheduler::Binding::quota));

protocol::StartEstimateRecord estimate_record(const scheduler::StartEstimate& estimate) {
  return {estimate.typical, estimate.early, estimate.late};
}

std::optional<protocol::StartEstimateRecord> estimate_record(
    const std::optional<scheduler::StartEstimate>& estimate) {
  if (!estimate) return std::nullopt;
  return estimate_record(*estimate);
}

protocol::AlternativeRecord alternative_record(const scheduler::Alternative& alternative) {
  return {.change = alternative.change,
          .kind = alternative.kind,
          .resources = alternative.resources,
          .priority_class = alternative.priority_class,
          .team = alternative.team,
          .start_at = alternative.start_at,
          .starts_now = alternative.starts_now,
          .start = estimate_record(alternative.start),
          .edits = {alternative.edits.begin(), alternative.edits.end()}};
}

}  // namespace

protocol::GuideRecord guide_record(const scheduler::Guide& guide) {
  protocol::GuideRecord record{.binding = static_cast<protocol::Binding>(guide.binding),
                               .reason = guide.reason,
                               .field = guide.field,
                               .starts_now = guide.binding == scheduler::Binding::none,
                               .start = estimate_record(guide.start),
                               .alternatives = {}};
  for (const auto& alternative : guide.alternatives)
    record.alternatives.push_back(alternative_record(alternative));
  return record;
}

protocol::WhyRecord why_record(const scheduler::Explanation& explanation) {
  protocol::WhyRecord record{.summary = explanation.summary,
                             .lines = explanation.lines,
                             .candidates = {},
                             .start = estimate_record(explanation.start),
                             .jobs_ahead = explanation.jobs_ahead,
                             .guide = std::nullopt};
  for (const auto& candidate : explanation.candidates)
    record.candidates.push_back({.node_id = candidate.node,
                                 .node_name = candidate.node_name,
                                 .fits = candidate.fits,
                                 .obstacle = candidate.obstacle,
                                 .start_delay_s = candidate.terms.start_delay_s,
                                 .fragmentation_s = candidate.terms.fragmentation_s,
                                 .spread_s = candidate.terms.spread_s,
                                 .total_s = candidate.terms.total_s()});
  return record;
}

std::vector<std::string> decision_lines(const std::string& decision) {
  std::vector<std::string> lines;
  const auto json = decision.empty() ? Result<Json>(Json()) : parse_json(decision);
  if (!json || !json->is_object()) return lines;
  const auto number = [&](const char* key) { return json->value(key, 0.0); };
  lines.push_back(json->value("standing", std::string{}) == "guaranteed"
                      ? "It runs on GPUs that its team is guaranteed"
                      : "It runs on GPUs that others leave idle, and may have to make room");
  lines.push_back(
      fmt::format("Its place was chosen at {:.1f} s: {:.1f} s to fetch what it needs, {:.1f} s for "
                  "fragmentation, {:.1f} s for links it has to cross",
                  number("start_delay_s") + number("fragmentation_s") + number("spread_s"),
                  number("start_delay_s"), number("fragmentation_s"), number("spread_s")));
  return lines;
}

}  // namespace galley::controller
