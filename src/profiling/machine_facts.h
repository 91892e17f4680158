#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "base/result.h"
#include "profiling/profile.h"

namespace galley::profiling {

/// This machine's name and memory (what we are allowed of it). Unknown figures are 0.
ProfiledMachine this_machine();

/// What could be taken now without swapping, and not more than is allowed; 0 when unknown.
std::uint64_t available_memory_bytes();

/// Memory of this process that is in the machine's memory; 0 when unknown.
std::uint64_t resident_memory_bytes();

/// SHA-256 over the files' names and contents, in their order: names a model by what it is. Reads
/// all of them. Errors: those of reading.
Result<std::string> hash_of_files(std::span<const std::filesystem::path> paths);

}  // namespace galley::profiling
