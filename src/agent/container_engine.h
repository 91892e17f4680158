#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "protocol/records.h"

/// What is said to a container engine, as command lines. Everything here is pure but find_engine().
namespace galley::agent {

enum class EngineKind { podman, docker, apptainer };
std::string_view to_string(EngineKind kind);

struct EngineProgram {
  EngineKind kind = EngineKind::podman;
  std::filesystem::path path;
};

/// An engine that has answered.
struct Engine {
  EngineProgram program;
  std::string version;
  bool rootless = false;
  bool limits_cpus = true;    // it can hold a container to processors
  bool limits_memory = true;  // and to memory
  bool operator==(const Engine&) const = default;
  /// Makes images from build files.
  bool builds() const { return program.kind != EngineKind::apptainer; }
};
inline bool operator==(const EngineProgram& a, const EngineProgram& b) {
  return a.kind == b.kind && a.path == b.path;
}
protocol::EngineRecord record_of(const Engine& engine);

/// The engine that an operator names: auto (the first of podman, docker and apptainer in `path`, a
/// list as in PATH), none, a program's name, or its path, whose file name says which it is.
/// Nothing where none is wanted or found. Errors: invalid_argument (another program), not_found (a
/// program that was named).
Result<std::optional<EngineProgram>> find_engine(const std::string& wanted, std::string_view path);

/// Asks the engine what it is; an engine that cannot be reached fails at it.
std::vector<std::string> info_command(const EngineProgram& program);
/// Errors: corrupt (an answer that is none).
Result<Engine> parse_info(const EngineProgram& program, std::string_view answer);

/// Where images lie that the engine does not keep itself (apptainer's are files).
std::filesystem::path image_file(const std::filesystem::path& cache, std::string_view image);
/// Prints the size of an image in bytes; fails where there is none.
std::vector<std::string> size_command(const Engine& engine, const std::string& image,
                                      const std::filesystem::path& cache);
std::vector<std::string> pull_command(const Engine& engine, const std::string& image,
                                      const std::filesystem::path& cache);
/// Builds `context` by `file` (a path on this machine) into `image`.
std::vector<std::string> build_command(const Engine& engine, const std::string& image,
                                       const std::filesystem::path& file,
                                       const std::filesystem::path& context);
/// Ends and removes a container; empty where ending the process is enough.
std::vector<std::string> remove_command(const Engine& engine, const std::string& container);

struct Mount {
  std::filesystem::path source;
  std::filesystem::path target;
  bool read_only = false;
};
struct ContainerRun {
  std::string image;
  std::filesystem::path images_cache;
  std::string name;
  std::vector<std::string> command;
  std::string workdir;
  std::vector<Mount> mounts;
  std::vector<std::string> env_names;  // taken from the environment of the engine's command
  std::filesystem::path env_file;      // further variables; empty: none
  std::vector<std::string> gpus;       // UUIDs
  std::int64_t cpus = 0;
  std::int64_t memory_bytes = 0;
  std::string user;  // UID:GID inside; empty: the engine's choice
};
/// Runs the command in a container that is removed when it ends. The network and the shared memory
/// are the machine's own: members of a gang find each other as they do without containers. The
/// image's entry point is not used: a job says what it runs. No value of a variable is in it.
/// Errors: invalid_argument (a path that the engine could misread).
Result<std::vector<std::string>> run_command(const Engine& engine, const ContainerRun& run);

/// The environment of the engine's command (`ours`: names and values of the agent's own that it
/// needs; `job`: the job's), and which of the job's variables go into a file, because the engine
/// itself would obey them.
struct ContainerEnvironment {
  std::map<std::string, std::string> command;
  std::vector<std::string> names;
  std::string file;  // NAME=value lines
};
/// Errors: invalid_argument (a value with a line break under a name that the engine obeys).
Result<ContainerEnvironment> container_environment(EngineKind kind,
                                                   const std::map<std::string, std::string>& ours,
                                                   const std::map<std::string, std::string>& job);
/// Whether a variable of this name steers the programs of engines, or what they are linked with.
bool is_obeyed_by_engines(std::string_view name);
/// The agent's own variables that an engine needs.
const std::vector<const char*>& engine_variables();

/// Whose fault it is that an engine could not get or make an image.
enum class ImageFault { user, node };
struct ImageFailure {
  ImageFault fault = ImageFault::user;
  std::string reason;  // begins with its kind: "image not found: ", "registry unreachable: ", ...
};
/// By what the engine printed.
ImageFailure explain_pull(const std::string& image, std::string_view output);
/// A container that never ran, by its exit code and the end of its log; nothing when the job's own
/// program has ended so.
std::optional<ImageFailure> explain_run(EngineKind kind, std::int64_t exit_code,
                                        std::string_view log_end);

/// The build file for a list of Python packages. The packages come before the rest of the context,
/// so that a change of the code does not install them again.
std::string requirements_build_file(const std::string& base, const std::string& requirements);

}  // namespace galley::agent
