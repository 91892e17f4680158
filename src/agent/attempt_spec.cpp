#include "attempt_spec.h"

#include <algorithm>
#include <map>

#include "protocol/checkpoint.h"

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
  const auto is_checkpoint = [](const DataSet& set) {
    return !protocol::manifest_of_content(set.reference).empty();
  };
  if (std::ranges::all_of(place.data_sets, is_checkpoint)) return;
  const auto folder = data_sets_folder(place.folder);
  env["GALLEY_DATASETS_DIR"] = folder.string();
  Environment variables;
  for (const DataSet& set : place.data_sets)
    if (!is_checkpoint(set))
      variables.emplace(data_set_variable(set.name), (folder / set.reference).string());
  for (auto& [name, path] : variables) env[name] = std::move(path);
}

/// As a login sets them.
void add_account(Environment& env, const JobAccount& account) {
  env["USER"] = env["LOGNAME"] = account.name;
  env["HOME"] = account.home.empty() ? "/" : account.home;
  env["SHELL"] = account.shell.empty() ? "/bin/sh" : account.shell;
}

/// What MLflow's clients look for: they log to this job's own run. A job that names another server
/// gets none of it: our token is not for others.
void add_tracking(Environment& env, const protocol::Assignment& assignment,
                  const AttemptPlace& place) {
  if (place.server.empty() || place.token.empty()) return;
  if (assignment.spec.env.contains("MLFLOW_TRACKING_URI")) return;
  env["MLFLOW_TRACKING_URI"] = place.server;
  env["MLFLOW_TRACKING_TOKEN"] = place.token;
  set_unless_empty(env, "MLFLOW_RUN_ID", assignment.run_id.str());
  set_unless_empty(env, "MLFLOW_EXPERIMENT_NAME", assignment.spec.team);
}

/// What torchrun sets in each worker, and Slurm's names for the same, which many scripts read: one
/// process on each node. Absent for a lone job without GPUs.
void add_rendezvous(Environment& env, const protocol::Assignment& assignment) {
  if (assignment.device_ids.empty() && assignment.node_ids.empty()) return;
  const std::string rank = std::to_string(assignment.rank);
  const std::string size = std::to_string(std::max<std::size_t>(assignment.node_ids.size(), 1));
  for (const char* name :
       {"RANK", "GROUP_RANK", "ROLE_RANK", "NODE_RANK", "SLURM_PROCID", "SLURM_NODEID"})
    env[name] = rank;
  for (const char* name :
       {"WORLD_SIZE", "ROLE_WORLD_SIZE", "GROUP_WORLD_SIZE", "SLURM_NTASKS", "SLURM_NNODES"})
    env[name] = size;
  for (const char* name : {"LOCAL_RANK", "SLURM_LOCALID"}) env[name] = "0";
  env["LOCAL_WORLD_SIZE"] = "1";
  env["MASTER_ADDR"] = assignment.master_address.empty() ? "127.0.0.1" : assignment.master_address;
  if (assignment.master_port > 0) env["MASTER_PORT"] = std::to_string(assignment.master_port);
  env["TORCHELASTIC_RUN_ID"] = assignment.attempt_id.str();
  env["TORCHELASTIC_RESTART_COUNT"] = std::to_string(assignment.attempt_number - 1);
  env["TORCHELASTIC_MAX_RESTARTS"] = std::to_string(assignment.spec.max_lost);
}

/// What the job sees, but for what a machine or an image sets for everything that runs on it.
Environment job_variables(const protocol::Assignment& assignment, const AttemptPlace& place) {
  Environment env;
  add_rendezvous(env, assignment);
  add_tracking(env, assignment, place);
  for (const auto& [name, value] : assignment.spec.env) env[name] = value;
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
  set_unless_empty(env, "GALLEY_CHECKPOINT", place.checkpoint);
  add_data_sets(env, place);
  return env;
}

void set_environment(process::AttemptSpec& spec, const Environment& env) {
  for (const auto& [name, value] : env) spec.env.push_back(name + "=" + value);
}

/// Turns the spec of the job's own command into that of the engine's, which runs it.
Status put_into_container(process::AttemptSpec& spec, const protocol::Assignment& assignment,
                          const AttemptPlace& place, const Environment& ours) {
  const Engine& engine = place.container->engine;
  const bool apptainer = engine.program.kind == EngineKind::apptainer;
  if (apptainer && !assignment.spec.secrets.empty())
    return Error{Errc::unsupported, "apptainer cannot be given secrets", "secrets", "no secrets",
                 "podman and docker can"};
  for (const std::string& secret : assignment.spec.secrets)
    if (is_obeyed_by_engines(secret))
      return Error{Errc::invalid_argument, "the container engine itself would obey " + secret,
                   "secrets", "a secret of another name"};
  GALLEY_TRY(auto env,
             container_environment(engine.program.kind, ours, job_variables(assignment, place)));
  ContainerRun run{.image = place.container->image,
                   .images_cache = place.container->images_cache,
                   .name = container_name(assignment),
                   .command = assignment.spec.command,
                   .workdir = spec.workdir,
                   .mounts = {{place.folder, place.folder, false}},
                   .env_names = std::move(env.names),
                   .gpus = assignment.device_ids,
                   .cpus = assignment.spec.resources.cpus,
                   .memory_bytes = assignment.spec.resources.memory.count,
                   .user = place.container->user};
  if (place.account && !apptainer)  // which runs everything as whoever calls it
    run.user = std::to_string(place.account->uid) + ":" + std::to_string(place.account->gid);
  if (apptainer)
    env.command["APPTAINERENV_" + std::string(process::kAttemptVariable)] = place.folder.string();
  else
    run.env_names.emplace_back(process::kAttemptVariable);
  // The supervisor gives them to the engine's command, which passes them on by name.
  run.env_names.insert(run.env_names.end(), assignment.spec.secrets.begin(),
                       assignment.spec.secrets.end());
  if (!env.file.empty()) run.env_file = container_file(place.folder);
  for (const process::ReadOnlyBind& bind : spec.read_only_binds)
    run.mounts.push_back({bind.source, bind.target, true});
  GALLEY_TRY(spec.argv, run_command(engine, run));
  spec.after = remove_command(engine, run.name);
  set_environment(spec, env.command);
  spec.workdir = place.folder.string();
  spec.read_only_binds.clear();
  spec.become_account = apptainer;
  // A container that is no child of its engine's command is held by limits of its own.
  if (apptainer) return ok();
  spec.limits = {};
  spec.denied_devices.clear();
  return ok();
}

}  // namespace

std::string container_name(const protocol::Assignment& assignment) {
  return "galley-" + assignment.attempt_id.str() +
         (assignment.rank > 0 ? "-" + std::to_string(assignment.rank) : std::string());
}

std::filesystem::path container_file(const std::filesystem::path& attempt_folder) {
  return attempt_folder / "container.env";
}

Result<std::string> container_file_text(const protocol::Assignment& assignment,
                                        const AttemptPlace& place) {
  if (!place.container) return std::string();
  GALLEY_TRY(auto env, container_environment(place.container->engine.program.kind, {},
                                             job_variables(assignment, place)));
  return std::move(env.file);
}

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
  if ((job.image || job.build) && !place.container)
    return Error{Errc::unsupported,
                 "this agent cannot run the image '" + job.image.value_or("of its build") + "'",
                 "image", "no image", "leave image out to run on the machine itself"};

  process::AttemptSpec spec;
  spec.argv = job.command;
  spec.workdir = workdir_of(job, place.folder);
  // Their values are in no file: the supervisor has them in its own environment.
  spec.inherited_env = job.secrets;
  spec.limits = {.cpus = static_cast<double>(job.resources.cpus),
                 .memory_bytes = job.resources.memory.count};
  spec.log_limit_bytes = job.log_limit.count;
  spec.grace = job.grace;
  spec.max_runtime = job.max_runtime.value_or(Millis{0});
  // Members of one gang may share a machine, under agents of their own; the end of one cgroup is
  // the end of all that is in it.
  spec.cgroup_name = container_name(assignment);
  spec.denied_devices = devices_of_others(place.gpus, assignment.device_ids);
  if (place.account)
    spec.account = process::Account{place.account->name, place.account->uid, place.account->gid};
  for (const DataSet& set : place.data_sets)
    spec.read_only_binds.push_back({set.folder, data_sets_folder(place.folder) / set.reference});

  Environment env{{"PATH", "/usr/local/bin:/usr/bin:/bin"}};
  if (place.container) {
    for (const char* name : engine_variables())
      if (auto value = our_variable(name)) env[name] = *std::move(value);
    GALLEY_TRY_STATUS(put_into_container(spec, assignment, place, env));
    return spec;
  }
  for (const char* name : {"PATH", "HOME", "LANG", "USER"})
    if (auto value = our_variable(name)) env[name] = *std::move(value);
  if (place.account) add_account(env, *place.account);
  for (auto& [name, value] : job_variables(assignment, place)) env[name] = value;
  if (!place.programs.empty()) env["PATH"] += ":" + place.programs.string();
  set_environment(spec, env);
  return spec;
}

}  // namespace galley::agent
