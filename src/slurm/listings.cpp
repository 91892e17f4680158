#include "listings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "base/text.h"

namespace galley::slurm {
namespace {

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value < 0)
    return std::nullopt;
  return value;
}

/// The number that a text begins with: sinfo writes "4000+" for "at least".
std::int64_t leading_number(std::string_view text) {
  std::size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
  return number(text.substr(0, digits)).value_or(0);
}

/// The first `count` fields; the last one is the rest of the line.
std::vector<std::string_view> fields_of(std::string_view line, std::size_t count) {
  std::vector<std::string_view> fields;
  while (fields.size() + 1 < count) {
    const std::size_t bar = line.find('|');
    if (bar == std::string_view::npos) break;
    fields.push_back(line.substr(0, bar));
    line.remove_prefix(bar + 1);
  }
  fields.push_back(line);
  return fields;
}

/// Slurm's words for "nothing".
std::string unless_none(std::string_view text) {
  constexpr std::array<std::string_view, 5> kNothing{"None", "(null)", "N/A", "n/a", "Unknown"};
  return std::ranges::find(kNothing, text) != kNothing.end() ? std::string{} : to_valid_utf8(text);
}

/// "3"; nothing for "N/A", for "3-5" and for the 32 bits by which Slurm says that there is none.
std::optional<std::int64_t> task_index(std::string_view text) {
  constexpr std::int64_t kMost = 4'000'000;  // of slurm.conf's MaxArraySize
  const auto index = number(text);
  return index && *index <= kMost ? index : std::nullopt;
}

bool is_state(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
}

/// "3:0": exit code and signal.
void read_exit_code(std::string_view text, JobView& job) {
  constexpr std::int64_t kMost = 255;
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return;
  const auto code = number(text.substr(0, colon));
  const auto signal = number(text.substr(colon + 1));
  if (!code || !signal || *code > kMost || *signal > kMost) return;
  if (*signal > 0)
    job.signal = static_cast<int>(*signal);
  else
    job.exit_code = static_cast<int>(*code);
}

/// "gpu:H100:2(S:0-1),shard:4" and "gpu:2".
void count_gpus(std::string_view gres, std::map<std::string, std::int64_t>& gpus) {
  int depth = 0;
  std::string plain;  // without what stands in parentheses, where commas mean something else
  for (const char c : gres) {
    if (c == '(') ++depth;
    if (depth == 0) plain += c;
    if (c == ')' && depth > 0) --depth;
  }
  for (const std::string_view entry : split(plain, ',')) {
    const auto parts = split(entry, ':');
    if (parts.size() < 2 || parts[0] != "gpu") continue;
    const std::string type = parts.size() > 2 ? to_valid_utf8(parts[1]) : std::string{};
    gpus[type] += leading_number(parts.back());
  }
}

bool contains(std::string_view text, std::string_view words) {
  return text.find(words) != std::string_view::npos;
}

/// Whether an index lies in "3", "3-5,8", "0-8:4" or "3-5%2". What was cut off ("...") is in none.
bool has_index(std::string_view list, std::int64_t index) {
  list = list.substr(0, list.find('%'));
  for (const std::string_view entry : split(list, ',')) {
    const std::string_view range = entry.substr(0, entry.find(':'));
    const std::size_t dash = range.find('-');
    const auto first = number(range.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : number(range.substr(dash + 1));
    if (!first || !last || index < *first || index > *last) continue;
    const auto step = range.size() == entry.size() ? 1 : number(entry.substr(range.size() + 1));
    if (step && *step > 0 && (index - *first) % *step == 0) return true;
  }
  return false;
}

/// Whether sacct's "12", "12_3" or "12_[3-5]" is the job, or holds it.
bool names_job(std::string_view text, const JobNumber& id) {
  const std::size_t bar = text.find('_');
  if (number(text.substr(0, bar)) != id.job) return false;
  if (!id.task || bar == std::string_view::npos) return !id.task && bar == std::string_view::npos;
  std::string_view tasks = text.substr(bar + 1);
  if (!tasks.starts_with('[')) return number(tasks) == *id.task;
  tasks.remove_prefix(1);
  return tasks.ends_with(']') && has_index(tasks.substr(0, tasks.size() - 1), *id.task);
}

}  // namespace

std::vector<JobView> parse_queue(std::string_view text) {
  constexpr std::size_t kFields = 6;
  std::vector<JobView> jobs;
  for (const std::string_view line : split(text, '\n')) {
    const auto fields = fields_of(line, kFields);
    if (fields.size() != kFields) continue;
    const auto id = number(fields[0]);
    if (!id || *id == 0 || !is_state(fields[2])) continue;
    jobs.push_back({.id = {*id, task_index(fields[1])},
                    .state = std::string(fields[2]),
                    .reason = unless_none(fields[3]),
                    .nodes = unless_none(fields[4]),
                    .comment = unless_none(fields[5]),
                    .exit_code = {},
                    .signal = {}});
  }
  return jobs;
}

Result<JobView> parse_scontrol_job(std::string_view text) {
  JobView job;
  // A job's name comes before its state and may hold anything; the first of each key that begins a
  // line of its own would be it. Ours hold no '=' (see batch_script.h).
  for (const std::string_view word : split(text, ' ')) {
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) continue;
    const auto key = word.substr(0, equals);
    const auto value = trim(word.substr(equals + 1));
    if (key == "JobId" && !job.id) job.id.job = number(value).value_or(0);
    if (key == "ArrayJobId") job.id.job = number(value).value_or(0);
    if (key == "ArrayTaskId") job.id.task = task_index(value);
    if (key == "JobState" && is_state(value)) job.state = value;
    if (key == "Reason") job.reason = unless_none(value);
    if (key == "NodeList") job.nodes = unless_none(value);
    if (key == "Comment") job.comment = unless_none(value);
    if (key == "ExitCode") read_exit_code(value, job);
  }
  if (job.id && !job.state.empty()) return job;
  return Error{Errc::corrupt,
               "scontrol said nothing of a job: " + to_valid_utf8(text.substr(0, 200))};
}

std::optional<JobView> parse_accounting(std::string_view text, const JobNumber& id) {
  constexpr std::size_t kFields = 3;
  for (const std::string_view line : split(text, '\n')) {
    const auto fields = fields_of(line, kFields);
    if (fields.size() != kFields || !names_job(fields[0], id)) continue;
    JobView job;
    job.id = id;
    // "CANCELLED by 1000"
    const std::string_view state = fields[1].substr(0, fields[1].find(' '));
    if (!is_state(state)) continue;
    job.state = state;
    read_exit_code(trim(fields[2]), job);
    return job;
  }
  return std::nullopt;
}

Result<std::int64_t> parse_max_array_size(std::string_view text) {
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || trim(line.substr(0, equals)) != "MaxArraySize")
      continue;
    if (const auto size = number(trim(line.substr(equals + 1)))) return *size;
  }
  return Error{Errc::corrupt, "scontrol said nothing of MaxArraySize"};
}

Result<std::int64_t> parse_submitted(std::string_view text) {
  const std::string_view line = trim(text.substr(0, text.find('\n')));
  // "12;cluster" where there are several.
  if (const auto id = number(line.substr(0, line.find(';'))); id && *id > 0) return *id;
  return Error{Errc::corrupt, "sbatch printed no job id: " + to_valid_utf8(text.substr(0, 200))};
}

Refusal judge_refusal(std::string_view stderr_text) {
  // The answer may have been lost after the job was taken.
  for (const std::string_view words : {"Socket timed out", "Zero Bytes were transmitted",
                                       "Connection reset", "Transport endpoint", "I/O error"})
    if (contains(stderr_text, words)) return Refusal::uncertain;
  for (const std::string_view words :
       {"Unable to contact slurm controller", "Slurm temporarily unable", "Connection refused",
        "Communication connection failure", "job queue limit", "standby mode",
        "Resource temporarily unavailable", "in slurmctld recovery"})
    if (contains(stderr_text, words)) return Refusal::passing;
  return Refusal::final;
}

PartitionView parse_partition(std::string_view text) {
  constexpr std::size_t kFields = 5;
  constexpr std::int64_t kMebibyte = std::int64_t{1} << 20;
  constexpr std::int64_t kMostMebibytes = std::int64_t{1} << 32;
  constexpr std::int64_t kMostCpus = 1 << 20;
  PartitionView partition;
  std::set<std::string_view> seen;  // a node in several partitions has a line for each
  for (const std::string_view line : split(text, '\n')) {
    const auto fields = fields_of(line, kFields);
    if (fields.size() != kFields || fields[0].empty() || !seen.insert(fields[0]).second) continue;
    ++partition.nodes;
    partition.cpus += std::min(leading_number(fields[1]), kMostCpus);
    partition.memory_bytes += std::min(leading_number(fields[2]), kMostMebibytes) * kMebibyte;
    bool usable = true;
    for (const std::string_view word : {"down", "drain", "drng", "fail", "maint", "unk", "inval"})
      if (fields[3].starts_with(word)) usable = false;
    if (fields[3].ends_with("*")) usable = false;  // it does not answer
    partition.usable_nodes += usable ? 1 : 0;
    count_gpus(fields[4], partition.gpus);
  }
  return partition;
}

}  // namespace galley::slurm
