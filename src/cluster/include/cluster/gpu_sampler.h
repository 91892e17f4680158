#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cluster/gpu_query.h"
#include "protocol/samples.h"

namespace galley::cluster {

/// What a run of nvidia-smi gave.
struct SmiAnswer {
  int exit_code = 0;
  std::string out;
  std::string err;
};
/// Runs nvidia-smi with these arguments in the C locale, and kills it at the limit. Errors:
/// not_found (no such program), timeout, and others.
using RunSmi =
    std::function<Result<SmiAnswer>(const std::vector<std::string>& arguments, Millis limit)>;

/// The real one: a short-lived child each time.
RunSmi run_smi_program(std::string program);

struct GpuSamplerOptions {
  Millis first_limit{10'000};    // before any answer: the driver may have to wake up
  Millis least_limit{3'000};     // a look is killed after 4 times the slowest of the last ones,
  Millis longest_limit{20'000};  // between these two
};

/// Samples this machine's GPUs through nvidia-smi and never trusts it: a look that hangs is asked
/// again for less, an answer that is garbled or lacks a GPU is asked for once more before it is
/// believed, fields that the driver does not know are left out from then on, and a GPU that cannot
/// be reached does not hide the others. Rows and links take calls of their own: with each look, but
/// for at most a tenth of the time where calls are slow, and once a minute where no GPU has any.
/// A hang is told at most 5/3 of the limit after the look
/// began. Not thread-safe.
class GpuSampler {
 public:
  GpuSampler(RunSmi run, const Clock& clock, GpuSamplerOptions options = {})
      : run_(std::move(run)), clock_(clock), options_(options) {}

  struct Look {
    protocol::DriverState driver = protocol::DriverState::absent;
    std::string driver_text;
    std::vector<protocol::GpuSample> gpus;  // ordered by index; empty unless the driver is ok
  };
  Look look();

 private:
  struct Asked {
    protocol::DriverState driver = protocol::DriverState::ok;
    std::string text;
    GpuRows rows;
  };
  Millis limit() const;
  void note_duration(Millis took);
  Asked ask();
  Asked ask_once(const std::vector<std::string>& only, Millis within);
  Asked ask_around(const std::vector<std::string>& unreachable, const Asked& first);
  Asked confirm_hang();
  bool lacks_a_known_gpu(const GpuRows& rows) const;
  void add_garbled(Asked& asked) const;
  void remember(const std::vector<protocol::GpuSample>& gpus);
  /// What it prints; nothing when it ends with an error. Errors: timeout.
  Result<std::string> ask_more(const std::vector<std::string>& arguments) const;
  Status add_processes(std::vector<protocol::GpuSample>& gpus);
  Status ask_links(const std::vector<protocol::GpuSample>& gpus);
  void add_links(std::vector<protocol::GpuSample>& gpus) const;

  const RunSmi run_;
  const Clock& clock_;
  const GpuSamplerOptions options_;
  GpuQuery query_;
  std::deque<Millis> durations_;                 // of the last good looks
  std::vector<protocol::GpuSample> known_;       // every GPU seen, as it was last
  std::vector<protocol::GpuSample> links_seen_;  // rows and links, when last asked for
  Instant links_at_{};                           // not asked for again before
};

}  // namespace galley::cluster
