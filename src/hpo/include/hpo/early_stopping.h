#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hpo/ladder.h"
#include "hpo/study_spec.h"

namespace galley::hpo {

enum class Verdict {
  proceed,
  pause,    // into the stop pool until it is promoted
  stop,     // judged: into the stop pool or, beyond its room, the dead pool
  exploit,  // go on from another trial's checkpoint with new settings
};

struct Ruling {
  Verdict verdict = Verdict::proceed;
  std::string why{};     // a sentence without its full stop; empty: nothing was decided
  TrialNumber from = 0;  // exploit: whose checkpoint, and the new settings
  Point point{};
};

/// A report as early stopping sees it.
struct Standing {
  TrialNumber trial = 0;
  double share = 0;  // of the trial's own budget
  double loss = 0;   // minimised; NaN where the trial reported none
  double resource = 0;
};

/// Decides how far a trial runs, and with which settings. Pure: equal calls to methods of equal
/// seeds give equal answers. Not thread-safe. Methods that wait for others never wait for a trial
/// that was lost.
class EarlyStopping {
 public:
  virtual ~EarlyStopping() = default;
  /// May a new trial be made now? Methods with brackets of a fixed size open the next one.
  virtual bool wants_trial() const { return true; }
  virtual void begin(TrialNumber trial, const Point& point) = 0;
  /// Shares of one trial rise from call to call, but for those after an exploit.
  virtual Ruling report(const Standing& standing) = 0;
  /// The trial ran its whole budget, or will never report again.
  virtual void finish(TrialNumber trial) = 0;
  virtual void fail(TrialNumber trial) = 0;
  /// One of the paused trials whose turn has come, best first, with the reason. It must then run.
  struct Promotion {
    TrialNumber trial = 0;
    std::string why;
  };
  /// A paused trial whose turn may yet come by a decision that is still open: it must be kept.
  virtual bool waits(TrialNumber /*trial*/) const { return false; }
  /// Paused trials are promoted by this method alone, not for their prospects.
  virtual bool takes_turns() const { return false; }
  virtual std::optional<Promotion> promote(const std::set<TrialNumber>& /*paused*/) {
    return std::nullopt;
  }
};

/// median: Vizier's rule on running averages. successive_halving and hyperband: synchronous
/// brackets (arXiv:1603.06560). asha: arXiv:1810.05934, by promotion or by stopping.
std::unique_ptr<EarlyStopping> make_early_stopping(const StoppingSpec& spec);

/// The shares of a trial's budget at which it is judged, rising, and 1.
std::vector<double> rung_marks(const StoppingSpec& spec);

}  // namespace galley::hpo
