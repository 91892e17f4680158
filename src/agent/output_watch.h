#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"
#include "file_reader.h"
#include "found_block.h"
#include "output_reader.h"
#include "process/log_reader.h"
#include "protocol/metrics_spec.h"
#include "run_facts.h"
#include "tracking/tensorboard.h"

namespace galley::agent {

/// Looks for progress and metrics where a program writes no line of ours: in its output, by the
/// forms of known frameworks and by the job's pattern, and in TensorBoard's event files. What it
/// finds goes into the attempt's progress file, together with how far it has read: an agent that
/// is killed reads on there.
///
/// A look reads a bounded amount and takes some 100 ms at most. One thread at a time.
class OutputWatch {
 public:
  /// `workdir` is the job's folder on this machine. `facts`, if any, is asked once, at the first
  /// look: texts that are told before all else.
  OutputWatch(std::filesystem::path attempt_folder, std::filesystem::path workdir,
              const std::optional<protocol::MetricsSpec>& metrics,
              std::function<RunTexts()> facts = {});

  /// The program runs on another machine, whose writes and ours to one file would not be kept
  /// apart: its own lines are copied, with all that is found, into the file kTold, which is to be
  /// read instead. Before the first look.
  void copy_own_lines() { copies_ = true; }
  static constexpr const char* kTold = "told";

  struct Look {
    bool more = false;    // there was more than one look reads
    bool grew = false;    // something was read
    bool useful = false;  // there may be something to find later
  };
  /// `has_own_lines`: the program tells its progress itself, so that its output is read by the
  /// job's pattern alone. `ended`: what is there is all there will be.
  Look look(WallTime now, bool has_own_lines, bool ended);

 private:
  Status resume();
  bool copy_lines();
  bool read_output(WallTime now, Instant until, bool ended);
  bool read_events(WallTime now, Instant until);
  void write(FoundBlock block);
  bool flush();

  const std::filesystem::path folder_;
  std::function<RunTexts()> facts_;
  const std::optional<std::filesystem::path> events_folder_;
  OutputReader reader_;
  const process::LogReader log_;
  tracking::TensorboardTail tail_;
  std::optional<FileReader> rights_;
  bool resumed_ = false;
  bool reads_output_ = true;
  bool copies_ = false;
  UniqueFd own_lines_;
  std::int64_t copied_ = 0;                    // of those
  std::int64_t committed_ = 0;                 // of the output, by an agent before us
  std::int64_t offset_ = 0;                    // of the output
  std::map<std::string, std::uint64_t> told_;  // offsets of event files
  std::optional<Instant> ending_since_;
  std::string unwritten_;
  UniqueFd progress_;
};

}  // namespace galley::agent
