// What a study will take, and what it has learnt.
#include "study_forecast.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "hpo/importance.h"
#include "hpo/preview.h"

namespace galley::studies {
namespace {

constexpr std::int64_t kMaxSlots = 256;
constexpr double kSecondsOfAnHour = 3600;

std::int64_t slots_of_cpus(std::int64_t cpus, const StudyFile& file) {
  return cpus / (file.job ? std::max<std::int64_t>(file.job->resources.cpus, 1) : 1);
}

Result<std::int64_t> slots_of_gpus(std::int64_t gpus, const StudyFile& file) {
  const std::int64_t each = std::max<std::int64_t>(file.spec.gpus.per_trial, 1);
  if (gpus >= each) return gpus / each;
  return Error{Errc::invalid_argument, fmt::format("found {}", gpus), "gpus",
               fmt::format("at least the {} of one trial", each)};
}

}  // namespace

bool takes_jobs(const protocol::NodeRecord& node) {
  return node.state == "up" && node.accepts_jobs;
}

std::int64_t slots_of_nodes(const std::vector<protocol::NodeRecord>& nodes, const StudyFile& file) {
  const std::int64_t gpus = file.spec.gpus.per_trial;
  std::int64_t slots = 0;
  for (const auto& node : nodes) {
    if (!takes_jobs(node)) continue;
    const auto healthy = std::ranges::count_if(
        node.devices, [](const auto& device) { return device.state == "in_service"; });
    slots += gpus > 0 ? healthy / gpus : slots_of_cpus(node.cpus, file);
  }
  return std::min(slots, kMaxSlots);
}

std::string gpu_type_of(const std::vector<protocol::NodeRecord>& nodes) {
  std::string model;
  for (const auto& node : nodes)
    for (const auto& device : node.devices) {
      if (!model.empty() && device.model != model) return {};
      model = device.model;
    }
  return model;
}

std::optional<double> pace_of(const hpo::Study& study) {
  double sum = 0;
  std::int64_t count = 0;
  for (const auto& trial : study.trials())
    if (trial.seconds_per_resource > 0) {
      sum += trial.seconds_per_resource;
      ++count;
    }
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count);
}

Result<StudyPreview> forecast(const StudyFile& file, std::int64_t slots,
                              double seconds_per_resource, std::string seconds_from) {
  const std::int64_t each = std::max<std::int64_t>(file.spec.gpus.per_trial, 1);
  GALLEY_TRY(const auto played,
             hpo::preview(file.spec, file.space,
                          {.gpus = slots * each, .seconds_per_resource = seconds_per_resource}));
  StudyPreview preview{.trials = played.trials,
                       .gpu_hours = file.spec.gpus.per_trial > 0 ? played.gpu_hours : 0,
                       .hours = played.finish_s / kSecondsOfAnHour,
                       .slots = slots,
                       .seconds_per_resource = seconds_per_resource,
                       .seconds_from = std::move(seconds_from),
                       .resource = file.spec.resource,
                       .ends_by = played.ends_by,
                       .why = file.why,
                       .is_endless = played.is_endless};
  for (const auto& length : played.lengths)
    preview.lengths.push_back({length.mean_resource, length.trials});
  return preview;
}

Result<Foreseen> foresee(Json json, const PreviewWishes& wishes, const SlotsOf& slots_there) {
  const auto slots_of = [&](const StudyFile& file) {
    return wishes.gpus ? slots_of_gpus(*wishes.gpus, file) : slots_there(file);
  };
  GALLEY_TRY(auto file, read_study_file(json, slots_of));
  GALLEY_TRY(const std::int64_t slots, slots_of(file));
  return Foreseen{std::move(file), std::max<std::int64_t>(slots, 1)};
}

Result<StudyPreview> preview_alone(const Json& json, const PreviewWishes& wishes,
                                   std::int64_t cpus) {
  GALLEY_TRY(const auto foreseen,
             foresee(json, wishes, [&](const StudyFile& file) -> Result<std::int64_t> {
               return file.spec.gpus.per_trial > 0
                          ? 1
                          : std::max<std::int64_t>(slots_of_cpus(cpus, file), 1);
             }));
  const bool told = wishes.seconds_per_resource.has_value();
  return forecast(foreseen.file, std::min(foreseen.slots, kMaxSlots),
                  wishes.seconds_per_resource.value_or(1), told ? "as you say" : "a guess");
}

Json to_json(const StudyPreview& preview) {
  Json lengths = Json::array();
  for (const auto& length : preview.lengths)
    lengths.push_back({{"mean_resource", length.mean_resource}, {"trials", length.trials}});
  return {{"lengths", std::move(lengths)},
          {"trials", preview.trials},
          {"gpu_hours", preview.gpu_hours},
          {"hours", preview.hours},
          {"slots", preview.slots},
          {"seconds_per_resource", preview.seconds_per_resource},
          {"seconds_from", preview.seconds_from},
          {"resource", preview.resource},
          {"ends_by", preview.ends_by},
          {"endless", preview.is_endless},
          {"gpu_type", preview.gpu_type},
          {"reason", preview.why}};
}

Result<StudyImportance> importance_of(const hpo::Study& study,
                                      const std::vector<KnownPoint>& known) {
  const auto& spec = study.spec();
  std::vector<hpo::Observation> observations;
  const auto losses = [&](const std::vector<double>& values) {
    std::vector<double> all;
    for (std::size_t i = 0; i < values.size(); ++i)
      all.push_back(spec.measures[i].maximise ? -values[i] : values[i]);
    return all;
  };
  StudyImportance importance;
  for (const KnownPoint& one : known) {
    if (one.values.empty()) continue;
    observations.push_back({.trial = -1 - static_cast<hpo::TrialNumber>(observations.size()),
                            .point = one.point,
                            .resource = one.resource,
                            .objectives = losses(one.values)});
    ++importance.known;
  }
  for (const auto& trial : study.trials()) {
    if (trial.objectives.empty() || trial.repeat_of >= 0) continue;
    observations.push_back({.trial = trial.number,
                            .point = trial.point,
                            .resource = trial.resource,
                            .objectives = losses(trial.objectives)});
  }
  GALLEY_TRY(const auto shares, hpo::importance(study.space(), observations));
  const auto name_of = [&](std::size_t index) { return study.space().parameter(index).name; };
  importance.trials = static_cast<std::int64_t>(shares.rows);
  for (std::size_t i = 0; i < shares.alone.size(); ++i)
    importance.alone.emplace_back(name_of(i), shares.alone[i]);
  std::ranges::stable_sort(importance.alone, std::greater(),
                           [](const auto& one) { return one.second; });
  for (const auto& pair : shares.pairs)
    importance.pairs.push_back({name_of(pair.first), name_of(pair.second), pair.share});
  return importance;
}

}  // namespace galley::studies
