#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/field_table.h"
#include "protocol/ids.h"
#include "protocol/metrics_spec.h"

namespace galley::protocol {

/// In the order in which the queue serves them.
enum class PriorityClass { urgent, normal, idle };

template <>
struct Words<PriorityClass> {
  static constexpr std::array<std::pair<std::string_view, PriorityClass>, 3> words{
      {{"urgent", PriorityClass::urgent},
       {"normal", PriorityClass::normal},
       {"idle", PriorityClass::idle}}};
};

/// Who places a job and runs it: our own agents, or the batch system that the site has.
enum class Executor { native, slurm };

template <>
struct Words<Executor> {
  static constexpr std::array<std::pair<std::string_view, Executor>, 2> words{
      {{"native", Executor::native}, {"slurm", Executor::slurm}}};
};

struct Resources {
  std::int64_t gpus = 0;
  std::optional<std::string> gpu_type;
  std::optional<std::int64_t> gpu_milli;  // below 1000: a share of one GPU
  std::optional<Bytes> gpu_memory;
  std::int64_t cpus = 1;
  Bytes memory{0};
  std::int64_t nodes = 1;
  bool operator==(const Resources&) const = default;
};

template <>
struct Fields<Resources> {
  static constexpr std::string_view kind = "resources";
  using S = Resources;
  static constexpr std::tuple table{
      Field<S, std::int64_t>{"gpus", &S::gpus, "GPUs for each node; 0 for none.", false, 0, 4096},
      Field<S, std::optional<std::string>>{"gpu_type", &S::gpu_type,
                                           "Words that the GPU's name must contain, such as H100.",
                                           false, 1, 64},
      Field<S, std::optional<std::int64_t>>{
          "gpu_milli", &S::gpu_milli,
          "Thousandths of one GPU, when part of one is enough; then gpus is 1.", false, 1, 1000},
      Field<S, std::optional<Bytes>>{
          "gpu_memory", &S::gpu_memory,
          "Memory that each GPU must have, such as 24GiB; of a part of a GPU, what it may use."},
      Field<S, std::int64_t>{"cpus", &S::cpus, "Processors for each node.", false, 1, 4096},
      Field<S, Bytes>{"memory", &S::memory,
                      "Memory for each node, such as 32GiB; 0 sets no limit."},
      Field<S, std::int64_t>{"nodes", &S::nodes, "How many nodes the job runs on at once.", false,
                             1, 4096}};
};

/// How the image of a job is made where nobody has: from a folder that is frozen as a data set. The
/// same content, file and base give the same image, which is built once on a node.
struct BuildSpec {
  std::string context;                      // NAME@VERSION; in files a folder, which is uploaded
  std::optional<std::string> file;          // of the context; Containerfile or Dockerfile if absent
  std::optional<std::string> requirements;  // of the context, for pip, instead of a file
  std::optional<std::string> base;          // image below the requirements; absent: kBuildBase
  Millis max_runtime{std::chrono::minutes(30)};
  bool operator==(const BuildSpec&) const = default;
};
inline constexpr std::string_view kBuildBase = "python:3.12-slim";

template <>
struct Fields<BuildSpec> {
  static constexpr std::string_view kind = "build";
  using S = BuildSpec;
  static constexpr std::tuple table{
      Field<S, std::string>{"context", &S::context,
                            "Folder that the image is made from; `galley submit` freezes it as a "
                            "data set and puts NAME@VERSION here.",
                            true, 1, 4096},
      Field<S, std::optional<std::string>>{
          "file", &S::file, "Build file inside the context; Containerfile or Dockerfile if absent.",
          false, 1, 1024},
      Field<S, std::optional<std::string>>{
          "requirements", &S::requirements,
          "List of Python packages inside the context, instead of a build file.", false, 1, 1024},
      Field<S, std::optional<std::string>>{
          "base", &S::base, "Image that the requirements are installed into.", false, 1, 512},
      Field<S, Millis>{"max_runtime", &S::max_runtime,
                       "The build is stopped after this long; the job's own limit counts later."}};
};

/// What a user asks for. The same struct is the file, the API body and the row.
struct JobSpec {
  std::optional<std::string> kind;
  std::optional<std::int64_t> version;
  std::string name;
  std::string team = "default";
  std::vector<std::string> command;
  std::optional<std::string> image;
  Executor executor = Executor::native;
  Resources resources;
  std::vector<std::string> datasets;
  std::optional<std::string> checkpoint;
  std::optional<BuildSpec> build;
  std::map<std::string, std::string> env;
  std::vector<std::string> secrets;
  PriorityClass priority_class = PriorityClass::normal;
  std::optional<Millis> max_runtime;
  std::optional<WallTime> start_at;
  std::optional<WallTime> deadline;
  std::optional<std::string> reservation;
  std::optional<std::string> workdir;
  std::optional<MetricsSpec> metrics;
  std::optional<CodeSpec> code;
  std::optional<std::string> parent;
  Bytes log_limit{std::int64_t{1} << 30};
  Millis grace{10'000};
  std::int64_t max_lost = 3;
  bool operator==(const JobSpec&) const = default;
};

template <>
struct Fields<JobSpec> {
  static constexpr std::string_view kind = "job";
  using S = JobSpec;
  static constexpr std::tuple table{
      Field<S, std::optional<std::string>>{"kind", &S::kind, "The word job, in files.", false, 0,
                                           32},
      Field<S, std::optional<std::int64_t>>{"version", &S::version,
                                            "Version of the file's form: 1.", false, 1, 1},
      Field<S, std::string>{"name", &S::name, "Shown in lists; the command's name when absent.",
                            false, 0, 128},
      Field<S, std::string>{"team", &S::team, "Who pays for it.", false, 1, 64},
      Field<S, std::vector<std::string>>{
          "command", &S::command, "The program and its arguments, as a list; no shell is involved.",
          true, 1, 4096},
      Field<S, std::optional<std::string>>{
          "image", &S::image, "Container image to run in; the machine itself when absent.", false,
          1, 512},
      Field<S, Executor>{
          "executor", &S::executor,
          "native: Galley's own nodes; slurm: the site's Slurm queues and places it."},
      Field<S, Resources>{"resources", &S::resources, "What the job needs at once."},
      Field<S, std::vector<std::string>>{
          "datasets", &S::datasets,
          "Frozen data sets it reads, as NAME@VERSION; each appears as $GALLEY_DATASET_<NAME>.",
          false, 0, 64},
      Field<S, std::optional<std::string>>{
          "checkpoint", &S::checkpoint,
          "Where it goes on: RUN/PATH of a checkpoint that a run registered. Its place is "
          "$GALLEY_CHECKPOINT, and {checkpoint} in the command and in env.",
          false, 1, 8192},
      Field<S, std::optional<BuildSpec>>{"build", &S::build,
                                         "How to make the image to run in, instead of image."},
      Field<S, std::map<std::string, std::string>>{"env", &S::env, "Environment variables.", false,
                                                   0, 1024},
      Field<S, std::vector<std::string>>{
          "secrets", &S::secrets,
          "Names of stored secrets of its team; each is an environment variable of that name.",
          false, 0, 64},
      Field<S, PriorityClass>{"priority_class", &S::priority_class, "urgent, normal or idle."},
      Field<S, std::optional<Millis>>{"max_runtime", &S::max_runtime,
                                      "Stopped after this long, such as 90m."},
      Field<S, std::optional<WallTime>>{
          "start_at", &S::start_at,
          "Not started before this time, such as 2026-12-01T09:00+09:00."},
      Field<S, std::optional<WallTime>>{
          "deadline", &S::deadline,
          "Wanted by then: an alarm tells once it is expected to end later. Changes no order."},
      Field<S, std::optional<std::string>>{
          "reservation", &S::reservation,
          "Run inside this booking of its team; `galley reservations` lists them.", false, 1, 64},
      Field<S, std::optional<std::string>>{
          "workdir", &S::workdir, "Folder to run in; the attempt's own folder when absent.", false,
          1, 4096},
      Field<S, std::optional<MetricsSpec>>{
          "metrics", &S::metrics,
          "How metrics are found where the program prints no galley:: line."},
      Field<S, std::optional<CodeSpec>>{
          "code", &S::code, "Version of the code; `galley submit` and `galley run` fill it in."},
      Field<S, std::optional<std::string>>{
          "parent", &S::parent, "What it is a part of: the id of a run, a study or a pipeline.",
          false, 1, 128},
      Field<S, Bytes>{"log_limit", &S::log_limit, "Output kept; past it the middle is dropped."},
      Field<S, Millis>{"grace", &S::grace, "Time between the request to stop and the kill."},
      Field<S, std::int64_t>{"max_lost", &S::max_lost,
                             "Started again after its machine died, at most this often.", false, 0,
                             100}};
};

/// Secrets are environment variables: a letter or underscore, then letters, digits and underscores,
/// at most 64; not those that we set ourselves, nor those that decide what program runs.
bool is_secret_name(std::string_view name);
inline constexpr std::string_view kSecretNames =
    "letters, digits and underscores, not starting with a digit, at most 64, and neither PATH nor "
    "a name that begins with GALLEY_ or LD_ or ends with _VISIBLE_DEVICES";

/// The name by which nodes, store and scheduler know an image among what a node holds; data sets
/// are known as NAME@VERSION there.
std::string image_content(std::string_view image);

/// All that decides what a build makes, as one text whose SHA-256 names the image.
/// `context_sha256` is the name of the context's manifest.
std::string build_inputs(const BuildSpec& build, std::string_view context_sha256);
/// The image that a build with these inputs makes: its tag is the beginning of their SHA-256.
inline std::string built_image(std::string_view inputs_sha256) {
  return "localhost/galley-build:" + std::string(inputs_sha256.substr(0, 32));
}

/// What the table of Resources cannot say: a part of a GPU is of one GPU on one node, and memory of
/// GPUs needs a GPU. `path` is where they stand ("resources"). Errors: invalid_argument.
Status check_resources(const Resources& resources, std::string_view path);

/// Whether this refusal of a job's JSON is about how much it asks for: an amount out of its bounds,
/// or amounts that exclude each other. Such a refusal can be answered with what would fit.
bool is_about_amounts(const Json& spec, const Error& error);

/// What the table cannot say: the kind of the file, names of variables, a reserved field, start_at
/// with a year that the store can hold, what check_resources checks. Fills in the name. Errors:
/// invalid_argument, unsupported.
Result<JobSpec> parse_job_spec(const Json& json);

}  // namespace galley::protocol
