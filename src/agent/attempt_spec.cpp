#include "attempt_spec.h"

#include <map>

namespace galley::agent {
namespace {

using Environment = std::map<std::string, std::string>;

std::string joined(const std::vector<std::string>& texts) {
  std::string line;
  for (const std::string& text : texts) line += (line.empty() ? "" : ",") + text;
  return line;
}

void set_unless_empty(Environment& env, const char* name, const std::string& value) {
  if (!value.empty()) env[name] = value;
}

void add_data_sets(Environment& env, const AttemptPlace& place) {
  if (place.data_sets.empty()) return;
  const auto folder = data_sets_folder(place.folder);
  env["GALLEY_DATASETS_DIR"] = folder.string();
  Environment variables;
  for (const DataSet& set : place.data_sets)
    variables.emplace(data_set_variable(set.name), (folder / set.reference).string());
  for (auto& [name, path] : variables) env[name] = std::move(path);
}

}  // namespace

std::string workdir_of(const protocol::JobSpec& spec, const std::filesystem::path& attempt_folder) {
  return spec.workdir ? *spec.workdir : (attempt_folder / "work").string();
}

std::filesystem::path data_sets_folder(const std::filesystem::path& attempt_folder) {
  return attempt_folder / "datasets";
}

std::string data_set_variable(std::string_view name) {
  std::string variable = "GALLEY_DATASET_";
  for (const char c : name) {
    const bool lower = c >= 'a' && c <= 'z';
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    variable += lower ? static_cast<char>(c - 'a' + 'A') : plain ? c : '_';
  }
  return variable;
}

Result<process::AttemptSpec> make_attempt_spec(
    const protocol::Assignment& assignment, const AttemptPlace& place,
    const std::function<std::optional<std::string>(const char*)>& our_variable) {
  const protocol::JobSpec& job = assignment.spec;
  if (job.image)
    return Error{Errc::unsupported, "this agent cannot run the image '" + *job.image + "'", "image",
                 "no image", "leave image out to run on the machine itself"};

  Environment env{{"PATH", "/usr/local/bin:/usr/bin:/bin"}};
  for (const char* name : {"PATH", "HOME", "LANG", "USER"})
    if (auto value = our_variable(name)) env[name] = *std::move(value);
  if (!assignment.device_ids.empty())
    for (const auto& [name, value] : Environment{{"MASTER_ADDR", "127.0.0.1"},
                                                 {"RANK", "0"},
                                                 {"WORLD_SIZE", "1"},
                                                 {"LOCAL_RANK", "0"},
                                                 {"NODE_RANK", "0"}})
      env[name] = value;
  for (const auto& [name, value] : job.env) env[name] = value;
  set_unless_empty(env, "GALLEY_SERVER", place.server);
  set_unless_empty(env, "GALLEY_TOKEN", place.token);
  set_unless_empty(env, "GALLEY_RUN_ID", assignment.run_id.str());
  env["GALLEY_JOB_ID"] = assignment.job_id.str();
  env["GALLEY_ATTEMPT_ID"] = assignment.attempt_id.str();
  // For programs whose output is not theirs to write: whole lines appended here count as printed.
  env["GALLEY_METRICS_FILE"] = (place.folder / process::attempt_file::kProgress).string();
  env["GALLEY_ATTEMPT"] = std::to_string(assignment.attempt_number);
  // Set even when empty: absent would mean every GPU of the machine.
  env["CUDA_VISIBLE_DEVICES"] = joined(assignment.device_ids);
  env["NVIDIA_VISIBLE_DEVICES"] = joined(assignment.device_ids);
  add_data_sets(env, place);

  process::AttemptSpec spec;
  spec.argv = job.command;
  for (const auto& [name, value] : env) spec.env.push_back(name + "=" + value);
  spec.workdir = workdir_of(job, place.folder);
  spec.limits = {.cpus = static_cast<double>(job.resources.cpus),
                 .memory_bytes = job.resources.memory.count};
  spec.log_limit_bytes = job.log_limit.count;
  spec.grace = job.grace;
  spec.max_runtime = job.max_runtime.value_or(Millis{0});
  spec.cgroup_name = "galley-" + assignment.attempt_id.str();
  for (const DataSet& set : place.data_sets)
    spec.read_only_binds.push_back({set.folder, data_sets_folder(place.folder) / set.reference});
  return spec;
}

}  // namespace galley::agent
