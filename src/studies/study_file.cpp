#include "study_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "hpo/auto_method.h"
#include "hpo/sampler.h"
#include "hpo/space_json.h"

namespace galley::studies {
namespace {

constexpr std::int64_t kExpectedSlots = 8;
constexpr std::int64_t kMostSlots = 4096;
constexpr std::size_t kMaxOld = 32;  // studies that another begins with
constexpr std::size_t kLeastMisspelt = 3;

/// Whether a trial can go on where its last job ended. A program that reads the variable itself is
/// not seen: its study says so.
Result<bool> can_resume(const Json& file, const protocol::JobSpec& job) {
  if (file.contains("checkpoints")) {
    if (file["checkpoints"].is_boolean()) return file["checkpoints"].get<bool>();
    return Error{Errc::invalid_argument, "found " + dump_json(file["checkpoints"]).substr(0, 66),
                 "checkpoints", "true or false"};
  }
  const auto names_it = [](const std::string& text) {
    return text.find("{checkpoint}") != std::string::npos ||
           text.find("GALLEY_TRIAL_CHECKPOINT") != std::string::npos ||
           text.find("GALLEY_CHECKPOINT") != std::string::npos;
  };
  return std::ranges::any_of(job.command, names_it) ||
         std::ranges::any_of(job.env, [&](const auto& one) { return names_it(one.second); });
}

/// All parameters, those that the file names first: JSON itself keeps no order.
Result<std::vector<std::string>> read_order(const Json& file, const hpo::Space& space) {
  std::vector<std::string> order;
  if (file.contains("axes")) {
    const Json& list = file["axes"];
    const auto is_parameter = [&](const Json& name) {
      return name.is_string() && space.find(name.get<std::string>()).has_value();
    };
    if (!list.is_array() || !std::ranges::all_of(list, is_parameter))
      return Error{Errc::invalid_argument, "found " + dump_json(list).substr(0, 66), "axes",
                   "a list of names of h_params"};
    for (const Json& name : list) order.push_back(name.get<std::string>());
  }
  for (const auto& parameter : space.parameters())
    if (std::ranges::find(order, parameter.name) == order.end()) order.push_back(parameter.name);
  return order;
}

/// A placeholder that is nearly the name of a setting would reach the program as it is. Other words
/// in braces are the program's business, and `${NAME}` is a shell's.
Status check_placeholders(const std::string& text, const std::string& field,
                          const std::vector<std::string>& names) {
  for (std::size_t open = text.find('{'); open != std::string::npos;
       open = text.find('{', open + 1)) {
    const std::size_t close = text.find_first_of("{} \n", open + 1);
    if (close == std::string::npos || text[close] != '}') continue;
    if (open > 0 && text[open - 1] == '$') continue;
    const std::string word = text.substr(open + 1, close - open - 1);
    if (word.size() < kLeastMisspelt || std::ranges::find(names, word) != names.end()) continue;
    if (const auto meant = nearest(word, names); !meant.empty())
      return Error{Errc::invalid_argument,
                   fmt::format("found {{{}}}, which names no setting", word), field,
                   fmt::format("{{{}}}", meant)};
  }
  return ok();
}

Status check_placeholders(const protocol::JobSpec& job, const hpo::Space& space) {
  std::vector<std::string> names{"trial", "seed", "budget", "checkpoint"};
  for (const auto& parameter : space.parameters()) names.push_back(parameter.name);
  for (std::size_t i = 0; i < job.command.size(); ++i)
    GALLEY_TRY_STATUS(check_placeholders(job.command[i], fmt::format("job.command[{}]", i), names));
  for (const auto& [name, value] : job.env)
    GALLEY_TRY_STATUS(check_placeholders(value, "job.env." + name, names));
  return ok();
}

/// Trials at once that the file says it may expect; 0: it does not.
Result<std::int64_t> read_at_once(const Json& file) {
  const auto found = file.find("at_once");
  if (found == file.end()) return 0;
  if (found->is_number_integer() && *found >= 1 && *found <= kMostSlots)
    return found->get<std::int64_t>();
  return Error{Errc::invalid_argument, "found " + dump_json(*found).substr(0, 66), "at_once",
               fmt::format("a whole number from 1 to {}", kMostSlots)};
}

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

Result<std::vector<std::string>> read_warm_start(const Json& file) {
  std::vector<std::string> names;
  if (!file.contains("warm_start")) return names;
  const Json& value = file["warm_start"];
  const Json list = value.is_array() ? value : Json::array({value});
  for (const Json& name : list) {
    if (!name.is_string() || name.get_ref<const std::string&>().empty() || names.size() == kMaxOld)
      return Error{Errc::invalid_argument, "found " + dump_json(value).substr(0, 66), "warm_start",
                   "the name of a study, or a list of up to 32"};
    names.push_back(name.get<std::string>());
  }
  return names;
}

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
  GALLEY_TRY(auto spec, hpo::parse_study_spec(file, {"team", "job", "checkpoints", "warm_start",
                                                     "axes", "keep_checkpoints", "at_once"}));
  GALLEY_TRY(auto warm_start, read_warm_start(file));
  GALLEY_TRY(auto order, read_order(file, space));
  GALLEY_TRY(const auto keep, read_keep_checkpoints(file));
  GALLEY_TRY(const auto at_once, read_at_once(file));
  std::optional<protocol::JobSpec> job;
  bool resumes = true;
  if (file.contains("job")) {
    GALLEY_TRY(job, read_job(file["job"], file.contains("gpus") ? spec.gpus.per_trial : 0));
    GALLEY_TRY_STATUS(check_placeholders(*job, space));
    GALLEY_TRY(resumes, can_resume(file, *job));
    spec.gpus.per_trial = job->resources.gpus * job->resources.nodes;
  }
  const std::int64_t each = std::max<std::int64_t>(spec.gpus.per_trial, 1);
  const std::int64_t most = spec.gpus.max ? *spec.gpus.max / each : kMostSlots;
  const std::int64_t expected = spec.gpus.max ? most : kExpectedSlots;
  const bool wants_slots = spec.sampler == "auto" && at_once == 0 && job.has_value();
  const hpo::AutoFacts facts{
      .at_once = std::max<std::int64_t>(at_once > 0 ? std::min(at_once, most) : expected, 1),
      .reports_of_a_trial =
          spec.budget_parameter.empty() ? static_cast<std::int64_t>(spec.max_resource) : 1,
      .writes_checkpoints = resumes};
  auto chosen = hpo::choose_method(std::move(spec), space, facts);
  return StudyFile{
      std::move(space),      std::move(chosen.spec), std::move(chosen.why), std::move(job),
      std::move(warm_start), std::move(order),       wants_slots,           keep};
}

Result<StudyFile> read_study_file(Json& file, const SlotsOf& slots_of) {
  GALLEY_TRY(auto read, read_study_file(std::as_const(file)));
  if (!read.wants_slots) return read;
  GALLEY_TRY(const std::int64_t slots, slots_of(read));
  if (slots == 0) return read;
  file["at_once"] = std::min(slots, kMostSlots);
  return read_study_file(std::as_const(file));
}

Result<std::unique_ptr<hpo::Sampler>> make_study_sampler(const hpo::StudySpec& spec,
                                                         const hpo::Space& space) {
  return hpo::make_sampler(spec.sampler, space,
                           {.seed = spec.seed, .objectives = spec.measures.size()});
}

}  // namespace galley::studies
