#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"

namespace galley::tracking {

/// One scalar of an event file. The tag lives as long as the call that hands it over.
struct TensorboardScalar {
  std::string_view tag;
  std::int64_t step = 0;
  double wall_s = 0;  // seconds since 1970
  double value = 0;   // the file's float or double, bit for bit
};

/// Who is told of what an event file holds. Unset functions are not called.
struct TensorboardSink {
  std::function<void(const TensorboardScalar&)> scalar{};
  std::function<void(std::string_view name, std::string_view value)> parameter{};  // of hparams
};

/// What a reader has met so far.
struct TensorboardCounts {
  std::uint64_t bytes = 0;
  std::uint64_t records = 0;  // whole ones with right checksums
  std::uint64_t scalars = 0;
  std::uint64_t corrupt = 0;    // records whose checksum or content is wrong, and stretches between
  std::uint64_t too_large = 0;  // records past 64 MiB: passed over, their checksum unseen
};

/// Reads TensorBoard's event files as they grow: simple values and tensors of one number as
/// scalars, the hparams plugin's session as parameters; images, histograms, graphs and all else are
/// stepped over by their length.
///
/// A record that has not ended waits for its rest. One with a wrong checksum is left out and
/// counted, and reading goes on behind it; where the length itself is damaged, the next place that
/// begins a record is searched. Memory: at most one record (64 MiB).
///
/// Over 500 MB/s a core (`galley bench tracking`). One thread at a time.
class TensorboardReader {
 public:
  void feed(std::string_view bytes, const TensorboardSink& sink);

  const TensorboardCounts& counts() const { return counts_; }
  /// Bytes of a record that has not ended.
  std::size_t pending() const { return pending_.size(); }

 private:
  std::size_t read_records(std::string_view bytes, const TensorboardSink& sink);

  TensorboardCounts counts_;
  std::string pending_;
  std::uint64_t skip_ = 0;  // bytes of a too large record that are still to come
  bool searching_ = false;
};

/// Follows all event files below a folder; what each poll finds new is handed over with the name of
/// its run, the file's folder relative to the whole. Files of one run are read in order of name.
/// A file that has become shorter is read from its beginning. One thread at a time.
class TensorboardTail {
 public:
  using Sinks = std::function<TensorboardSink(const std::string& run)>;

  explicit TensorboardTail(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Reads at most `max_bytes` and says how many it read; fewer than that means all is read.
  /// A folder that does not exist yet holds nothing; files that cannot be read are passed over, as
  /// are those past the first 10,000, and entries past the first 100,000.
  /// Errors: those of listing the folder.
  Result<std::uint64_t> poll(const Sinks& sinks, std::uint64_t max_bytes = 256 << 20);

  /// Where each file, relative to the folder, is to be read on: behind its last whole record.
  std::map<std::string, std::uint64_t> offsets() const;
  /// Begins there instead of at the files' beginnings; before the first poll.
  void resume(const std::map<std::string, std::uint64_t>& offsets);

  TensorboardCounts counts() const;
  std::size_t files() const { return files_.size(); }

 private:
  struct Followed {
    std::uint64_t offset = 0;
    TensorboardReader reader;
  };
  Status look_for_files();

  std::filesystem::path folder_;
  std::map<std::filesystem::path, Followed> files_;
  bool behind_ = false;  // the last poll read as much as it may
};

/// Writes an event file that TensorBoard opens: one a run, in the run's folder.
/// What is written is seen by readers after flush(). One thread at a time.
class TensorboardWriter {
 public:
  /// Makes the folder and a file events.out.tfevents.SECONDS.HOST.PID.NUMBER in it.
  /// Errors: those of making and opening them.
  static Result<TensorboardWriter> create(const std::filesystem::path& folder, WallTime now);

  /// As PyTorch's SummaryWriter does: a float. Errors: invalid_argument for an empty tag; those of
  /// writing, when the buffer (1 MiB) is full.
  Status add_scalar(std::string_view tag, std::int64_t step, float value, WallTime at);
  Status flush();

  const std::filesystem::path& path() const { return path_; }

  TensorboardWriter(TensorboardWriter&&) noexcept = default;
  TensorboardWriter& operator=(TensorboardWriter&&) noexcept = default;
  /// Flushes as far as it can.
  ~TensorboardWriter();

 private:
  TensorboardWriter(std::filesystem::path path, UniqueFd file)
      : path_(std::move(path)), file_(std::move(file)) {}

  std::filesystem::path path_;
  UniqueFd file_;
  std::string buffer_;
};

}  // namespace galley::tracking
