#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace galley::estimator {

/// What makes a stretch of training longer than its steps.
enum class PauseKind : std::uint8_t { unlabelled, epoch, evaluation, checkpoint };

/// One kind of pause, as it has shown itself so far.
struct Pauses {
  PauseKind kind = PauseKind::unlabelled;
  std::size_t count = 0;
  double mean_s = 0;              // beyond the steps that it came with
  std::optional<double> every{};  // progress between two of them, where they come regularly
};

/// The cycle of a job: steps, and the pauses between them at epoch borders, for evaluations and for
/// checkpoints. Pauses without a label are step times that stand far out.
///
/// Memory is bounded: sums, and the newest 16 positions of each kind. One thread at a time.
class CycleModel {
 public:
  /// A pause of `extra_s` seconds at this progress.
  void add(PauseKind kind, double progress, double extra_s);

  /// Seconds of pauses to expect between two points of progress, `watched` being the progress over
  /// which pauses were looked for. Regular ones are counted from the last one on; of a single one
  /// nobody knows when it comes again, so it weighs two thirds of what its frequency says.
  double expected_s(double from, double to, double watched) const;

  std::vector<Pauses> pauses() const;
  std::size_t count() const;

 private:
  struct Record {
    PauseKind kind = PauseKind::unlabelled;
    std::size_t count = 0;
    double total_s = 0;
    double positions[16] = {};  // ring of the newest
  };
  static std::optional<double> period_of(const Record& record);

  Record records_[4] = {{.kind = PauseKind::unlabelled},
                        {.kind = PauseKind::epoch},
                        {.kind = PauseKind::evaluation},
                        {.kind = PauseKind::checkpoint}};
};

}  // namespace galley::estimator
