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

}  // namespace

std::vector<JobView> parse_queue(std::string_view text) {
  constexpr std::size_t kFields = 5;
  std::vector<JobView> jobs;
  for (const std::string_view line : split(text, '\n')) {
    const auto fields = fields_of(line, kFields);
    if (fields.size() != kFields) continue;
    const auto id = number(fields[0]);
    if (!id || !is_state(fields[1])) continue;
    jobs.push_back({.id = *id,
                    .state = std::string(fields[1]),
                    .reason = unless_none(fields[2]),
                    .nodes = unless_none(fields[3]),
                    .comment = unless_none(fields[4]),
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
    if (key == "JobId") job.id = number(value).value_or(0);
    if (key == "JobState" && is_state(value)) job.state = value;
    if (key == "Reason") job.reason = unless_none(value);
    if (key == "NodeList") job.nodes = unless_none(value);
    if (key == "Comment") job.comment = unless_none(value);
    if (key == "ExitCode") read_exit_code(value, job);
  }
  if (job.id > 0 && !job.state.empty()) return job;
  return Error{Errc::corrupt,
               "scontrol said nothing of a job: " + to_valid_utf8(text.substr(0, 200))};
}

std::optional<JobView> parse_accounting(std::string_view text, std::int64_t id) {
  constexpr std::size_t kFields = 3;
  for (const std::string_view line : split(text, '\n')) {
    const auto fields = fields_of(line, kFields);
    if (fields.size() != kFields || number(fields[0]) != id) continue;
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
