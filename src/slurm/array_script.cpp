#include "array_script.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace galley::slurm {
namespace {

/// That of all where they agree, so that squeue shows what people know.
std::string array_job_name(std::span<const Submission> members) {
  const auto& first = members.front().assignment.spec.name;
  const bool same = std::ranges::all_of(
      members, [&](const Submission& one) { return one.assignment.spec.name == first; });
  return same ? plain_name(first) : "galley-array";
}

std::string case_of(std::size_t index, const Submission& member) {
  return fmt::format("{}) folder={} ;;\n", index, shell_quoted(member.folder.string()));
}

}  // namespace

std::string comment_of_array(const std::string& name) { return "galley-array:" + name; }

std::string array_name(const AttemptId& first, std::int64_t since_ms) {
  return fmt::format("{}.{}", first.str(), since_ms);
}

std::vector<std::vector<std::size_t>> group_wishes(std::span<const Wish> wishes,
                                                   const ArrayLimits& limits) {
  struct Open {
    std::size_t group = 0;
    std::size_t bytes = 0;
  };
  std::vector<std::vector<std::size_t>> groups;
  std::map<std::vector<std::string>, Open> open;  // the group that still grows, by request
  for (std::size_t i = 0; i < wishes.size(); ++i) {
    const Wish& wish = wishes[i];
    const auto found = wish.alone ? open.end() : open.find(wish.request);
    if (found != open.end() && groups[found->second.group].size() < limits.members &&
        found->second.bytes + wish.script_bytes <= limits.script_bytes) {
      groups[found->second.group].push_back(i);
      found->second.bytes += wish.script_bytes;
      continue;
    }
    if (!wish.alone) open[wish.request] = {groups.size(), wish.script_bytes};
    groups.push_back({i});
  }
  return groups;
}

std::size_t array_script_bytes(const Submission& member) {
  constexpr std::size_t kLongIndex = 999'999;
  return case_of(kLongIndex, member).size();
}

std::vector<std::string> array_arguments(std::span<const Submission> members,
                                         const std::string& name,
                                         const PartitionView& partition_view) {
  const JobLabels labels{.job_name = array_job_name(members),
                         .comment = comment_of_array(name),
                         // A task's own file is opened by the script: sbatch takes one pattern for
                         // all, and attempts' names are no numbers.
                         .output = "/dev/null"};
  auto arguments = labelled_arguments(labels, request_arguments(members.front(), partition_view));
  // Last, where nothing that an operator adds changes it.
  arguments.push_back(fmt::format("--array=0-{}", members.size() - 1));
  return arguments;
}

std::string array_script(std::span<const Submission> members) {
  std::string script =
      "#!/bin/sh\n"
      "# Attempts of Galley jobs that ask for the same.\n"
      "case \"$SLURM_ARRAY_TASK_ID\" in\n";
  for (std::size_t i = 0; i < members.size(); ++i) script += case_of(i, members[i]);
  script +=
      "*) echo \"no attempt has the index '$SLURM_ARRAY_TASK_ID'\" >&2; exit 64 ;;\n"
      "esac\n"
      "exec >>\"$folder/slurm.log\" 2>&1\n";
  return script + become_supervisor(members.front(), "\"$folder\"");
}

}  // namespace galley::slurm
