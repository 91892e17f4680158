#include "study_file.h"

#include "hpo/auto_method.h"
#include "hpo/sampler.h"
#include "hpo/space_json.h"

namespace galley::studies {
namespace {

/// Trials whose program runs as a job leave no checkpoint that another attempt could be given.
constexpr bool kJobsResume = false;
constexpr std::int64_t kExpectedGpus = 8;

Error in_job(Error error) {
  error.field = error.field.empty() ? "job" : "job." + error.field;
  return error;
}

/// Like any job, one that names no GPUs needs none, unless the study does.
Result<protocol::JobSpec> read_job(Json job, std::int64_t gpus) {
  if (job.is_object()) {
    if (!job.contains("priority_class")) job["priority_class"] = "idle";
    if (!job.contains("resources")) job["resources"] = Json::object();
    auto& resources = job["resources"];
    if (resources.is_object() && !resources.contains("gpus")) resources["gpus"] = gpus;
  }
  auto parsed = protocol::parse_job_spec(job);
  if (!parsed) return in_job(parsed.error());
  if (parsed->start_at || parsed->reservation)
    return Error{Errc::invalid_argument, "a trial starts when GPUs are idle",
                 parsed->start_at ? "job.start_at" : "job.reservation", "nothing"};
  return std::move(*parsed);
}

}  // namespace

Result<StudyFile> read_study_file(const Json& file) {
  if (!file.is_object())
    return Error{Errc::invalid_argument, "a study file is not an object", {}, "{\"h_params\": …}"};
  if (file.contains("kind") && file["kind"] != "study")
    return Error{Errc::invalid_argument, "found " + dump_json(file["kind"]).substr(0, 66), "kind",
                 "\"study\""};
  if (file.contains("version") && file["version"] != 1)
    return Error{Errc::invalid_argument, "found " + dump_json(file["version"]).substr(0, 66),
                 "version", "1"};
  GALLEY_TRY(auto space, hpo::parse_space(file));
  GALLEY_TRY(auto spec, hpo::parse_study_spec(file, {"team", "job"}));
  std::optional<protocol::JobSpec> job;
  if (file.contains("job")) {
    GALLEY_TRY(job, read_job(file["job"], file.contains("gpus") ? spec.gpus.per_trial : 0));
    spec.gpus.per_trial = job->resources.gpus * job->resources.nodes;
  }
  const hpo::AutoFacts facts{
      .gpus = spec.gpus.max.value_or(kExpectedGpus),
      .reports_of_a_trial =
          spec.budget_parameter.empty() ? static_cast<std::int64_t>(spec.max_resource) : 1,
      .writes_checkpoints = !job || kJobsResume};
  auto chosen = hpo::choose_method(std::move(spec), space, facts);
  return StudyFile{std::move(space), std::move(chosen.spec), std::move(chosen.why), std::move(job)};
}

Result<std::unique_ptr<hpo::Sampler>> make_study_sampler(const hpo::StudySpec& spec,
                                                         const hpo::Space& space) {
  return hpo::make_sampler(spec.sampler, space,
                           {.seed = spec.seed, .objectives = spec.measures.size()});
}

}  // namespace galley::studies
