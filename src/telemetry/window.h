#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/gauges.h"
#include "tracking/table_chunk.h"

namespace galley::telemetry {

/// The newest looks at one machine, or at the fleet: a ring of rows, a column for each gauge of
/// each subject. Not thread-safe. 4 bytes a value: 6.5 KiB for a GPU.
class Window {
 public:
  static constexpr std::size_t kRows = 60;  // five minutes at 5 s
  /// A look that comes sooner after the one before replaces it, so that whoever sends too often
  /// cannot push the last minutes out.
  static constexpr std::int64_t kLeastGapMs = 2'500;
  /// Machines have tens of subjects; what exceeds this is not followed.
  static constexpr std::size_t kMaxSubjects = 1'024;

  /// Opens a row for now; what is not put into it is absent. Time must not go back: a row older
  /// than the newest takes that one's place.
  void begin(std::int64_t at_ms);
  void put(Kind kind, std::string_view subject, std::span<const float> values);

  bool empty() const { return rows_ == 0; }
  std::int64_t oldest_ms() const { return at_ms_[slot(0)]; }  // requires !empty()
  std::int64_t newest_ms() const { return at_ms_[slot(rows_ - 1)]; }

  /// The rows after that time, with the columns that hold something; no times when there is none.
  tracking::TableChunk after(std::int64_t at_ms) const;
  /// Oldest row after that time, or -1.
  std::int64_t first_after(std::int64_t at_ms) const;

  /// Calls back for each number of a gauge, oldest first; all subjects when `subject` is empty.
  using Each = std::function<void(const std::string& subject, std::int64_t at_ms, float value)>;
  void visit(Metric metric, std::string_view subject, const Each& each) const;
  /// The newest value, NaN when there is none.
  float newest(Metric metric, std::string_view subject) const;
  /// Mean over the rows since then, NaN when there are none.
  float mean_since(Metric metric, std::string_view subject, std::int64_t since_ms) const;
  std::vector<std::string> subjects(Kind kind) const;
  /// All gauges of a subject in the newest row; empty when it is not in it.
  std::vector<float> newest_row(Kind kind, std::string_view subject) const;

  std::size_t bytes() const;

 private:
  struct Subject {
    std::int64_t seen_ms = 0;
    std::vector<float> ring;  // kRows rows of the kind's gauges
  };
  using Key = std::pair<Kind, std::string>;
  struct Less {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return a.first != b.first ? a.first < b.first
                                : std::string_view(a.second) < std::string_view(b.second);
    }
  };
  using Subjects = std::map<Key, Subject, Less>;

  std::size_t slot(std::size_t row) const { return (head_ + row) % kRows; }
  const Subject* find(Kind kind, std::string_view subject) const;
  void drop_unseen();

  Subjects subjects_;
  std::vector<std::int64_t> at_ms_ = std::vector<std::int64_t>(kRows);
  std::size_t head_ = 0;  // of the oldest row
  std::size_t rows_ = 0;
};

/// "gpu:GPU-…": how a subject is called in a chunk.
std::string group_name(Kind kind, std::string_view subject);

}  // namespace galley::telemetry
