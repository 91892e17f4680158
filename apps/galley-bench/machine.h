#pragma once

#include <filesystem>

#include "base/json.h"

/// What a reader must know of this machine to judge figures: cpu, cores, memory_bytes, kernel, isa
/// (of our kernels), load_1m before the run, scratch_file_system, note.
galley::Json describe_machine(const std::filesystem::path& scratch);
