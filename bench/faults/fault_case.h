#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace galley::bench {

using GpuFields = std::map<std::string, std::string>;  // nvidia-smi's field: what it prints

/// One file of data/faults: what a machine of eight GPUs shows, from when on, and what must follow.
struct FaultCase {
  std::string name;
  /// gpu, gpus (all of the node), node (its driver), quarantine (of the GPU) or none.
  std::string expect;

  std::string effect;  // xid, line, fields, grow, missing, unreachable, hang, slow, text, ...
  std::string text;    // of an Xid, a kernel line, or nvidia-smi's answer
  std::int64_t number = 0;
  std::int64_t code = 0;
  std::int64_t by = 0;
  std::int64_t every_s = 0;  // an event that repeats; 0: once
  std::int64_t answers = 0;  // only so many answers are wrong; 0: all
  std::string field;
  GpuFields set;
  bool flag = false;  // but_list, renumber

  GpuFields always;  // fields that differ all the time
  std::vector<std::string> unknown_fields;
  std::vector<std::string> noise;
  std::int64_t nvlinks = 18;
  double until_s = 1e9;  // after the onset; then all is well
  std::int64_t persist_s =
      0;  // a doubt becomes a fault only when it has lasted: onset of that fault
  std::int64_t run_s = 180;

  bool is_hardware() const { return expect != "none"; }
};

/// All cases of a folder, by name. Errors: not_found (none there), those of reading, a file that is
/// no case (named).
Result<std::vector<FaultCase>> read_fault_cases(const std::filesystem::path& folder);

}  // namespace galley::bench
