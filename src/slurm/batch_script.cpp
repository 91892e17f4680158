#include "batch_script.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>

namespace galley::slurm {
namespace {

constexpr std::string_view kCommentPrefix = "galley:";

bool is_plain(unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_'; }

bool contains_words(std::string_view text, std::string_view words) {
  const auto same_letter = [](unsigned char a, unsigned char b) {
    return std::tolower(a) == std::tolower(b);
  };
  return std::search(text.begin(), text.end(), words.begin(), words.end(), same_letter) !=
         text.end();
}

/// The type as Slurm spells it. Words that fit none are passed on: Slurm says best what it lacks.
std::string gres_type(const std::string& words, const PartitionView& partition) {
  for (const auto& [type, count] : partition.gpus)
    if (!type.empty() && count > 0 && contains_words(type, words)) return type;
  return plain_name(words);
}

/// Slurm counts minutes; the supervisor's own limit should strike first.
std::int64_t minutes_for(Millis runtime, Millis grace) {
  return std::chrono::ceil<std::chrono::minutes>(runtime + grace).count() + 1;
}

void set(std::vector<std::string>& env, std::string_view name, std::string_view value) {
  std::erase_if(env,
                [&](std::string_view entry) { return entry.substr(0, entry.find('=')) == name; });
  if (!value.empty()) env.push_back(fmt::format("{}={}", name, value));
}

}  // namespace

std::string comment_of(const AttemptId& attempt) {
  return std::string(kCommentPrefix) + attempt.str();
}

std::string plain_name(const std::string& name) {
  std::string plain;
  for (const char c : name) plain += is_plain(static_cast<unsigned char>(c)) ? c : '_';
  return plain.empty() || plain.front() == '-' ? "job" + plain : plain;
}

std::string shell_quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text)
    if (c == '\'')
      quoted += "'\\''";
    else
      quoted += c;
  return quoted + "'";
}

std::vector<std::string> request_arguments(const Submission& submission,
                                           const PartitionView& partition_view) {
  const protocol::JobSpec& job = submission.assignment.spec;
  const protocol::Resources& resources = job.resources;
  constexpr std::int64_t kMebibyte = std::int64_t{1} << 20;
  std::vector<std::string> arguments{
      fmt::format("--nodes={}", resources.nodes), fmt::format("--ntasks={}", resources.nodes),
      "--ntasks-per-node=1", fmt::format("--cpus-per-task={}", resources.cpus)};
  if (!submission.partition.empty()) arguments.push_back("--partition=" + submission.partition);
  // Without it a site's default applies; 0 would mean the whole node's memory.
  if (resources.memory.count > 0)
    arguments.push_back(
        fmt::format("--mem={}M", (resources.memory.count + kMebibyte - 1) / kMebibyte));
  if (resources.gpus > 0)
    arguments.push_back(resources.gpu_type
                            ? fmt::format("--gres=gpu:{}:{}",
                                          gres_type(*resources.gpu_type, partition_view),
                                          resources.gpus)
                            : fmt::format("--gres=gpu:{}", resources.gpus));
  if (job.max_runtime)
    arguments.push_back(fmt::format("--time={}", minutes_for(*job.max_runtime, job.grace)));
  if (job.priority_class == protocol::PriorityClass::idle) arguments.emplace_back("--nice=1000");
  arguments.insert(arguments.end(), submission.more.begin(), submission.more.end());
  return arguments;
}

std::vector<std::string> labelled_arguments(const JobLabels& labels,
                                            const std::vector<std::string>& request) {
  std::vector<std::string> arguments{"sbatch",
                                     "--parsable",
                                     "--no-requeue",
                                     "--job-name=" + labels.job_name,
                                     "--comment=" + labels.comment,
                                     "--chdir=/",
                                     "--input=/dev/null",
                                     "--output=" + labels.output,
                                     "--open-mode=append",
                                     "--export=PATH,HOME,LANG,USER"};
  arguments.insert(arguments.end(), request.begin(), request.end());
  return arguments;
}

std::vector<std::string> sbatch_arguments(const Submission& submission,
                                          const PartitionView& partition_view) {
  const JobLabels labels{.job_name = plain_name(submission.assignment.spec.name),
                         .comment = comment_of(submission.assignment.attempt_id),
                         .output = submission.folder.string() + "/slurm.log"};
  return labelled_arguments(labels, request_arguments(submission, partition_view));
}

std::string become_supervisor(const Submission& submission, std::string_view folder_word) {
  const std::int64_t nodes = submission.assignment.spec.resources.nodes;
  const std::string first =
      nodes > 1 ? "\"$(scontrol show hostnames \"$SLURM_JOB_NODELIST\" | head -n 1)\""
                : "127.0.0.1";
  return fmt::format(
      "MASTER_ADDR={}\n"
      "MASTER_PORT=$((20000 + SLURM_JOB_ID % 12000))\n"
      "export MASTER_ADDR MASTER_PORT\n"
      "exec {} {} as-command\n",
      first, shell_quoted(submission.supervisor.string()), folder_word);
}

std::string batch_script(const Submission& submission) {
  return fmt::format("#!/bin/sh\n# Attempt {} of a Galley job.\n{}",
                     submission.assignment.attempt_id.str(),
                     become_supervisor(submission, shell_quoted(submission.folder.string())));
}

void adapt(process::AttemptSpec& spec, const protocol::Assignment& assignment) {
  const protocol::Resources& resources = assignment.spec.resources;
  spec.limits = {};
  spec.cgroup_name.clear();
  spec.denied_devices.clear();
  spec.inherited_env = {"SLURM*",           "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES",
                        "ZE_AFFINITY_MASK", "GPU_DEVICE_ORDINAL",   "TMPDIR",
                        "MASTER_ADDR",      "MASTER_PORT"};
  // An empty one would hide from container tools the GPUs that Slurm names otherwise.
  set(spec.env, "NVIDIA_VISIBLE_DEVICES", {});
  if (resources.gpus == 0 && resources.nodes == 1) return;
  const std::string size = std::to_string(resources.nodes);
  for (const char* name : {"WORLD_SIZE", "ROLE_WORLD_SIZE", "GROUP_WORLD_SIZE"})
    set(spec.env, name, size);
  set(spec.env, "LOCAL_RANK", "0");
  set(spec.env, "LOCAL_WORLD_SIZE", "1");
  set(spec.env, "TORCHELASTIC_RUN_ID", assignment.attempt_id.str());
  set(spec.env, "TORCHELASTIC_RESTART_COUNT", std::to_string(assignment.attempt_number - 1));
  set(spec.env, "TORCHELASTIC_MAX_RESTARTS", std::to_string(assignment.spec.max_lost));
  if (resources.nodes == 1) {
    for (const char* name : {"RANK", "GROUP_RANK", "ROLE_RANK", "NODE_RANK"})
      set(spec.env, name, "0");
    return;
  }
  std::vector<std::string> argv{"srun",
                                "--nodes=" + size,
                                "--ntasks=" + size,
                                "--ntasks-per-node=1",
                                "--kill-on-bad-exit=1",
                                "--export=ALL"};
  if (spec.account && spec.become_account) {
    // The job is Slurm's of us, so only we may start its steps; their programs become the account.
    argv.insert(argv.end(), {"setpriv", "--reuid=" + std::to_string(spec.account->uid),
                             "--regid=" + std::to_string(spec.account->gid), "--init-groups"});
    spec.become_account = false;
  }
  argv.insert(argv.end(),
              {"/bin/sh", "-c",
               "export RANK=$SLURM_PROCID GROUP_RANK=$SLURM_PROCID ROLE_RANK=$SLURM_PROCID "
               "NODE_RANK=$SLURM_NODEID; exec \"$@\"",
               "sh"});
  argv.insert(argv.end(), spec.argv.begin(), spec.argv.end());
  spec.argv = std::move(argv);
}

}  // namespace galley::slurm
