#pragma once

#include <sys/types.h>

#include <string_view>
#include <vector>

namespace galley::process {

/// Every living descendant of a process, found through parents in /proc. Complete for a subreaper,
/// whose orphaned descendants become its children. Cost: one file read per process of the machine.
std::vector<pid_t> descendants_of(pid_t ancestor);

/// Every process we may inspect whose environment holds exactly `entry` ("NAME=value"), ourselves
/// excluded. A program can clear its environment; this is for trees that nothing else names.
std::vector<pid_t> processes_with_environment(std::string_view entry);

}  // namespace galley::process
