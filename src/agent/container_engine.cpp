#include "container_engine.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"

namespace galley::agent {
namespace {

namespace fs = std::filesystem;

constexpr EngineKind kKinds[] = {EngineKind::podman, EngineKind::docker, EngineKind::apptainer};

bool is_program(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

std::optional<fs::path> find_in(std::string_view path, std::string_view name) {
  for (const std::string_view folder : split(path, ':')) {
    const fs::path candidate = fs::path(folder) / name;
    if (!folder.empty() && is_program(candidate)) return candidate;
  }
  return std::nullopt;
}

std::string text_at(const Json& json, std::initializer_list<const char*> keys) {
  const Json* at = &json;
  for (const char* key : keys) {
    const auto found = at->is_object() ? at->find(key) : at->end();
    if (!at->is_object() || found == at->end()) return {};
    at = &*found;
  }
  return at->is_string() ? at->get<std::string>() : std::string();
}

Engine parse_podman(const EngineProgram& program, const Json& info) {
  Engine engine{.program = program, .version = text_at(info, {"version", "Version"})};
  const Json::json_pointer rootless("/host/security/rootless");
  const Json::json_pointer controllers("/host/cgroupControllers");
  engine.rootless = info.contains(rootless) && info[rootless].is_boolean() && info[rootless];
  if (!engine.rootless) return engine;
  // Without root it can set only the limits whose controllers are delegated to the user.
  const bool v2 = text_at(info, {"host", "cgroupVersion"}) == "v2";
  const auto delegated = [&](const char* name) {
    if (!v2 || !info.contains(controllers) || !info[controllers].is_array()) return false;
    return std::ranges::find(info[controllers], Json(name)) != info[controllers].end();
  };
  engine.limits_cpus = delegated("cpu");
  engine.limits_memory = delegated("memory");
  return engine;
}

Engine parse_docker(const EngineProgram& program, const Json& info) {
  Engine engine{.program = program, .version = text_at(info, {"ServerVersion"})};
  const auto options = info.find("SecurityOptions");
  if (options != info.end() && options->is_array())
    for (const Json& option : *options)
      engine.rootless |= option.is_string() &&
                         option.get<std::string>().find("name=rootless") != std::string::npos;
  engine.limits_cpus = info.value("CpuCfsQuota", true);
  engine.limits_memory = info.value("MemoryLimit", true);
  return engine;
}

void add(std::vector<std::string>& argv, std::initializer_list<std::string> more) {
  argv.insert(argv.end(), more);
}

/// The engines read mounts as fields between commas.
Result<std::string> mount_text(const Mount& mount) {
  for (const auto& path : {mount.source.string(), mount.target.string()})
    if (path.find_first_of(",\"\n\r") != std::string::npos)
      return Error{Errc::invalid_argument,
                   "'" + to_valid_utf8(path) + "' cannot be shown to a container", "workdir",
                   "a path without commas, quotes and line breaks"};
  std::string text =
      "type=bind,source=" + mount.source.string() + ",target=" + mount.target.string();
  if (mount.read_only) text += ",readonly";
  return text;
}

Result<std::vector<std::string>> run_apptainer(const Engine& engine, const ContainerRun& run) {
  std::vector<std::string> argv{
      engine.program.path.string(), "exec", "--cleanenv", "--no-home", "--pwd", run.workdir};
  if (!run.gpus.empty()) argv.emplace_back("--nv");
  for (const Mount& mount : run.mounts) {
    if ((mount.source.string() + mount.target.string()).find_first_of(":,") != std::string::npos)
      return Error{Errc::invalid_argument,
                   "'" + mount.source.string() + "' cannot be shown to a container", "workdir",
                   "a path without commas and colons"};
    add(argv, {"--bind", mount.source.string() + ":" + mount.target.string() +
                             (mount.read_only ? ":ro" : "")});
  }
  argv.push_back(image_file(run.images_cache, run.image).string());
  argv.insert(argv.end(), run.command.begin(), run.command.end());
  return argv;
}

void add_gpus(std::vector<std::string>& argv, EngineKind kind,
              const std::vector<std::string>& gpus) {
  if (gpus.empty()) return;
  if (kind == EngineKind::podman) {
    for (const std::string& gpu : gpus) add(argv, {"--device", "nvidia.com/gpu=" + gpu});
    return;
  }
  std::string list;
  for (const std::string& gpu : gpus) list += (list.empty() ? "" : ",") + gpu;
  // Docker reads fields between commas; the quotes keep the list one field.
  add(argv, {"--gpus", "\"device=" + list + "\""});
}

}  // namespace

std::string_view to_string(EngineKind kind) {
  switch (kind) {
    case EngineKind::podman:
      return "podman";
    case EngineKind::docker:
      return "docker";
    case EngineKind::apptainer:
      return "apptainer";
  }
  return "podman";
}

protocol::EngineRecord record_of(const Engine& engine) {
  return {.name = std::string(to_string(engine.program.kind)),
          .version = engine.version,
          .rootless = engine.rootless,
          .builds = engine.builds()};
}

Result<std::optional<EngineProgram>> find_engine(const std::string& wanted, std::string_view path) {
  using Found = std::optional<EngineProgram>;
  if (wanted == "none") return Found{};
  if (wanted == "auto") {
    for (const EngineKind kind : kKinds)
      if (auto program = find_in(path, to_string(kind)))
        return Found(EngineProgram{kind, *std::move(program)});
    return Found{};
  }
  const std::string name = fs::path(wanted).filename().string();
  const auto kind = std::ranges::find_if(
      kKinds, [&](EngineKind known) { return name.starts_with(to_string(known)); });
  if (kind == std::end(kKinds))
    return Error{Errc::invalid_argument, "'" + wanted + "' is no container engine that is known",
                 "container-engine", "auto, none, podman, docker, apptainer, or the path of one"};
  if (wanted.find('/') == std::string::npos) {
    if (auto program = find_in(path, wanted)) return Found(EngineProgram{*kind, *program});
  } else if (is_program(wanted)) {
    std::error_code error;
    return Found(EngineProgram{*kind, fs::absolute(wanted, error)});
  }
  return Error{Errc::not_found, "there is no program '" + wanted + "'", "container-engine",
               "an installed container engine, or none"};
}

std::vector<std::string> info_command(const EngineProgram& program) {
  const std::string path = program.path.string();
  switch (program.kind) {
    case EngineKind::podman:
      return {path, "info", "--format", "json"};
    case EngineKind::docker:
      return {path, "info", "--format", "{{json .}}"};
    case EngineKind::apptainer:
      return {path, "--version"};
  }
  return {};
}

Result<Engine> parse_info(const EngineProgram& program, std::string_view answer) {
  const auto refuse = [&] {
    return Error{Errc::corrupt, std::string(to_string(program.kind)) +
                                    " answers with what is no description of itself"};
  };
  if (program.kind == EngineKind::apptainer) {
    const auto version = trim(answer);
    const auto space = version.rfind(' ');
    if (space == std::string_view::npos || version.size() > 200) return refuse();
    return Engine{
        .program = program, .version = to_valid_utf8(version.substr(space + 1)), .rootless = true};
  }
  const auto json = parse_json(answer);
  if (!json || !json->is_object()) return refuse();
  Engine engine;
  try {
    engine = program.kind == EngineKind::podman ? parse_podman(program, *json)
                                                : parse_docker(program, *json);
  } catch (const nlohmann::json::exception&) {
    return refuse();
  }
  // A docker whose daemon is away describes its client alone.
  if (engine.version.empty()) return refuse();
  return engine;
}

fs::path image_file(const fs::path& cache, std::string_view image) {
  return cache / (sha256_hex(image).substr(0, 32) + ".sif");
}

std::vector<std::string> size_command(const Engine& engine, const std::string& image,
                                      const fs::path& cache) {
  if (engine.program.kind == EngineKind::apptainer)
    return {"stat", "--format", "%s", image_file(cache, image).string()};
  return {engine.program.path.string(), "image", "inspect", "--format", "{{.Size}}", image};
}

std::vector<std::string> pull_command(const Engine& engine, const std::string& image,
                                      const fs::path& cache) {
  const std::string program = engine.program.path.string();
  if (engine.program.kind == EngineKind::apptainer)
    return {program, "pull", "--force", image_file(cache, image).string(), "docker://" + image};
  return {program, "pull", image};
}

std::vector<std::string> build_command(const Engine& engine, const std::string& image,
                                       const fs::path& file, const fs::path& context) {
  return {engine.program.path.string(),
          "build",
          "--tag",
          image,
          "--network",
          "host",
          "--file",
          file.string(),
          context.string()};
}

std::vector<std::string> remove_command(const Engine& engine, const std::string& container) {
  if (engine.program.kind == EngineKind::apptainer) return {};
  return {engine.program.path.string(), "rm", "--force", container};
}

Result<std::vector<std::string>> run_command(const Engine& engine, const ContainerRun& run) {
  if (engine.program.kind == EngineKind::apptainer) return run_apptainer(engine, run);
  std::vector<std::string> argv{engine.program.path.string(),
                                "run",
                                "--rm",
                                "--name",
                                run.name,
                                "--pull",
                                "never",
                                "--network",
                                "host",
                                "--ipc",
                                "host",
                                "--log-driver",
                                "none",
                                "--security-opt",
                                "label=disable",
                                "--workdir",
                                run.workdir};
  if (!run.user.empty()) add(argv, {"--user", run.user});
  for (const std::string& name : run.env_names) add(argv, {"--env", name});
  if (!run.env_file.empty()) add(argv, {"--env-file", run.env_file.string()});
  for (const Mount& mount : run.mounts) {
    GALLEY_TRY(auto text, mount_text(mount));
    add(argv, {"--mount", std::move(text)});
  }
  if (run.cpus > 0 && engine.limits_cpus) add(argv, {"--cpus", std::to_string(run.cpus)});
  if (run.memory_bytes > 0 && engine.limits_memory)
    add(argv, {"--memory", std::to_string(run.memory_bytes)});
  add_gpus(argv, engine.program.kind, run.gpus);
  add(argv, {"--entrypoint", run.command.front(), run.image});
  argv.insert(argv.end(), run.command.begin() + 1, run.command.end());
  return argv;
}

std::string requirements_build_file(const std::string& base, const std::string& requirements) {
  return "FROM " + base + "\nWORKDIR /workspace\nCOPY " + requirements +
         " /tmp/galley-requirements.txt\n"
         "RUN pip install --no-cache-dir --requirement /tmp/galley-requirements.txt\n"
         "COPY . /workspace\n";
}

}  // namespace galley::agent
