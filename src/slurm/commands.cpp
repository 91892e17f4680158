#include "commands.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>

#include "base/text.h"
#include "process/child.h"

namespace galley::slurm {
namespace {

// Slurm's own patience for one message is 10 s, and its programs try a few times.
constexpr Millis kTimeout{30'000};
constexpr std::int64_t kMostOutput = std::int64_t{64} << 20;
constexpr std::size_t kMostReason = 400;

/// What a program said when it failed, as one line.
std::string said(const process::ChildOutput& output) {
  const std::string_view text =
      trim(output.stderr_bytes.empty() ? output.stdout_bytes : output.stderr_bytes);
  std::string line = to_valid_utf8(text.substr(0, kMostReason));
  for (char& c : line)
    if (c == '\n') c = ' ';
  return line.empty() ? fmt::format("it ended with code {}", output.exit_code) : line;
}

Status done(const Result<std::string>& output) {
  if (output) return ok();
  return output.error();
}

}  // namespace

Result<std::string> Commands::run(const std::vector<std::string>& argv) const {
  GALLEY_TRY(auto output, process::run_child(argv, {.timeout = kTimeout,
                                                    .max_output_bytes = kMostOutput,
                                                    .cancel_fd = stop_fd_}));
  if (output.succeeded()) return std::move(output.stdout_bytes);
  return Error{Errc::unavailable, argv.front() + ": " + said(output)};
}

std::variant<std::int64_t, Refused> Commands::submit(
    const std::vector<std::string>& sbatch_arguments, const std::string& script,
    Millis timeout) const {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(timeout).count();
  std::vector<std::string> argv{"timeout", "--signal=KILL", std::to_string(seconds)};
  argv.insert(argv.end(), sbatch_arguments.begin(), sbatch_arguments.end());
  constexpr Millis kMargin{2'000};
  const auto output = process::run_child(
      argv, {.timeout = timeout + kMargin, .stdin_bytes = script, .cancel_fd = stop_fd_});
  if (!output) {
    const bool may_have =
        output.error().code == Errc::timeout || output.error().code == Errc::unavailable;
    return Refused{may_have ? Refusal::uncertain : Refusal::final, describe(output.error())};
  }
  if (output->succeeded()) {
    auto id = parse_submitted(output->stdout_bytes);
    if (id) return *id;
    return Refused{Refusal::uncertain, id.error().message};
  }
  constexpr int kKilled = 137;  // by timeout
  if (output->exit_code == kKilled)
    return Refused{Refusal::uncertain, "sbatch did not end within its time"};
  return Refused{judge_refusal(output->stderr_bytes), said(*output)};
}

Result<std::vector<JobView>> Commands::list_jobs() const {
  GALLEY_TRY(const auto text, run({"squeue", "--noheader", "--array", "--states=all",
                                   fmt::format("--user={}", ::geteuid()), "-o", kQueueFormat}));
  return parse_queue(text);
}

Result<std::optional<JobView>> Commands::find_job(const JobNumber& id) const {
  const std::string number = to_string(id);
  const auto shown = run({"scontrol", "--oneliner", "show", "job", number});
  if (shown) {
    GALLEY_TRY(auto job, parse_scontrol_job(*shown));
    return std::optional(std::move(job));
  }
  const std::string& words = shown.error().message;
  // The latter for a task that an array does not have any more.
  if (words.find("Invalid job id") == std::string::npos &&
      words.find("Job " + number + " not found") == std::string::npos)
    return shown.error();
  // Of the whole array, since a task that never began may share its line with others. A site
  // without accounting says so by failing.
  const auto listed =
      run({"sacct", "-n", "-P", "-X", "-j", std::to_string(id.job), "-o", kAccountingFormat});
  return listed ? parse_accounting(*listed, id) : std::nullopt;
}

Status Commands::cancel_pending(const JobNumber& id) const {
  // Tasks that wait share one record in Slurm, and scancel with a filter ends that whole record
  // (22.05). Held, the task gets a record of its own and cannot begin; one that has begun goes on.
  // Without a filter it would lose its grace: only where the site forbids to hold.
  if (id.task && !run({"scontrol", "hold", to_string(id)})) return cancel_job(id);
  return done(run({"scancel", "--state=PENDING", to_string(id)}));
}
Status Commands::ask_to_stop(const JobNumber& id) const {
  return done(run({"scancel", "--batch", "--signal=TERM", to_string(id)}));
}
Status Commands::cancel_job(const JobNumber& id) const {
  return done(run({"scancel", to_string(id)}));
}

Result<std::int64_t> Commands::read_max_array_size() const {
  GALLEY_TRY(const auto text, run({"scontrol", "show", "config"}));
  return parse_max_array_size(text);
}

Result<PartitionView> Commands::look_at_partition(const std::string& name) const {
  std::vector<std::string> argv{"sinfo", "--noheader", "--Node", "-o", kPartitionFormat};
  if (!name.empty()) argv.push_back("--partition=" + name);
  GALLEY_TRY(const auto text, run(argv));
  return parse_partition(text);
}

Result<std::string> Commands::read_version() const {
  GALLEY_TRY(const auto text, run({"sinfo", "--version"}));
  const auto words = split(trim(text), ' ');
  return to_valid_utf8(words.back());
}

}  // namespace galley::slurm
