#include "machine_options.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "base/units.h"
#include "cli/topology_file.h"
#include "process_signals.h"

namespace galley::app {
namespace {

/// The bytes that data sets may take in that data folder.
std::int64_t dataset_cache_of(const MachineOptions& options, const std::filesystem::path& data) {
  if (options.dataset_cache_bytes > 0) return options.dataset_cache_bytes;
  std::error_code error;
  const auto disk = std::filesystem::space(data, error);
  // A disk that does not say how large it is sets no bound.
  return error ? std::int64_t{1} << 60 : static_cast<std::int64_t>(disk.capacity / 2);
}

}  // namespace

void add_machine_options(CLI::App& app, MachineTexts& texts) {
  app.add_option("--container-engine", texts.container_engine,
                 "What runs jobs with an image: auto (podman, docker or apptainer, whichever is "
                 "installed), none, or the program to use")
      ->envname("GALLEY_CONTAINER_ENGINE")
      ->capture_default_str();
  app.add_option("--dataset-cache", texts.dataset_cache,
                 "Most that data sets may take on this machine's disk, such as 500GiB; those used "
                 "longest ago go first, never one in use")
      ->envname("GALLEY_DATASET_CACHE")
      ->default_str("half of the disk");
  app.add_option("--topology", texts.topology,
                 "File that states which GPUs lie close together, instead of asking nvidia-smi")
      ->envname("GALLEY_TOPOLOGY");
  app.add_option("--shareable-gpus", texts.shareable_gpus,
                 "GPUs of which several jobs may have parts: all, or numbers such as 0,1")
      ->envname("GALLEY_SHAREABLE_GPUS");
  app.add_option("--gpu-self-test", texts.gpu_self_test,
                 "Command that a GPU must pass (exit code 0, within five minutes) before it comes "
                 "back into service, such as 'dcgmi diag -r 1'; it sees that GPU alone")
      ->envname("GALLEY_GPU_SELF_TEST")
      ->default_str("nothing but healthy samples");
  app.add_option("--jobs-as", texts.jobs_as,
                 "As which account of this machine jobs run: submitter (the one with the name of "
                 "the user who submitted it), agent (this one), or the name of an account; all but "
                 "agent need root")
      ->envname("GALLEY_JOBS_AS")
      ->default_str("submitter when run by root, else agent");
}

Status read_machine(const MachineTexts& texts, MachineOptions& options) {
  options.container_engine = texts.container_engine;
  if (!texts.topology.empty()) {
    GALLEY_TRY(options.topology, cli::read_topology_file(texts.topology));
  }
  if (!texts.shareable_gpus.empty()) {
    GALLEY_TRY(options.shareable_gpus, agent::parse_shareable_gpus(texts.shareable_gpus));
  }
  if (!texts.dataset_cache.empty()) {
    GALLEY_TRY(options.dataset_cache_bytes, parse_bytes(texts.dataset_cache));
  }
  GALLEY_TRY(options.jobs_as, agent::parse_jobs_as(texts.jobs_as, ::geteuid() == 0));
  if (!texts.gpu_self_test.empty()) options.gpu_self_test = {"/bin/sh", "-c", texts.gpu_self_test};
  return ok();
}

Result<agent::Options> agent_options_of(const MachineOptions& machine, const DataFolder& data) {
  if (machine.jobs_as.who != agent::JobsAs::Who::agent) GALLEY_TRY_STATUS(data.let_jobs_pass());
  agent::Options options;
  options.data_folder = data.path();
  options.supervisor_program = program_folder() / "galley-job";
  options.topology = machine.topology;
  options.shareable_gpus = machine.shareable_gpus;
  options.self_test = machine.gpu_self_test;
  options.container_engine = machine.container_engine;
  options.dataset_cache_bytes = dataset_cache_of(machine, data.path());
  options.jobs_as = machine.jobs_as;
  return options;
}

}  // namespace galley::app
