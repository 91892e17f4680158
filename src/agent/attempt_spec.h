#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/job_account.h"
#include "base/result.h"
#include "container_engine.h"
#include "data_sets.h"
#include "gpu_devices.h"
#include "process/attempt_files.h"
#include "protocol/agent_messages.h"

namespace galley::agent {

/// What runs the image of a job here.
struct ContainerPlace {
  Engine engine;
  std::string image;
  std::filesystem::path images_cache;
  std::string user;  // UID:GID inside; empty: the engine's choice
};

/// Where an attempt lives and what surrounds it on this machine.
struct AttemptPlace {
  std::filesystem::path folder;         // of the attempt
  std::string server;                   // for GALLEY_SERVER; empty: none
  std::string token;                    // for GALLEY_TOKEN; empty: none
  std::optional<JobAccount> account{};  // as whom it runs; empty: as we do
  std::vector<GpuDevice> gpus{};        // of this machine
  std::vector<DataSet> data_sets{};
  std::optional<ContainerPlace> container{};  // for a job with an image
  std::filesystem::path programs{};           // of ours, found after all others; empty: not
  std::string checkpoint{};  // that it goes on from, as the job sees it; empty: none
};

/// The folder in which the attempt's command runs, whether it exists or not.
std::string workdir_of(const protocol::JobSpec& spec, const std::filesystem::path& attempt_folder);
/// Where an attempt sees its data sets.
std::filesystem::path data_sets_folder(const std::filesystem::path& attempt_folder);
/// GALLEY_DATASET_<NAME> for NAME@VERSION: upper case, other than letters and digits become '_'.
std::string data_set_variable(std::string_view name);

/// What galley-job is told to run. The environment is, later ones winning: PATH, HOME, LANG and
/// USER as `our_variable` says (usually getenv), those of the account instead where it has one, the
/// rendezvous of a job with GPUs, the spec's env, and then what names the job, its GPUs and its
/// data sets: a job cannot reach for GPUs it was not given, whose files are closed to it where the
/// machine can do that. Two versions of one data set share a
/// variable; the first one listed has it, both are in GALLEY_DATASETS_DIR. With an image the
/// command is that of the container engine, which runs the job's: the attempt's folder is at the
/// same place inside, the variables are the same but for PATH, HOME and the like, which are the
/// image's own, and limits are the container's. Pure. Errors: unsupported (an image without a
/// container place), those of run_command and container_environment.
Result<process::AttemptSpec> make_attempt_spec(
    const protocol::Assignment& assignment, const AttemptPlace& place,
    const std::function<std::optional<std::string>(const char*)>& our_variable);

/// The variables that container_file() holds, for an attempt with a container; often empty.
Result<std::string> container_file_text(const protocol::Assignment& assignment,
                                        const AttemptPlace& place);
/// Where the engine reads variables that it would obey itself.
std::filesystem::path container_file(const std::filesystem::path& attempt_folder);
/// The name of an attempt's container on its machine.
std::string container_name(const protocol::Assignment& assignment);

}  // namespace galley::agent
