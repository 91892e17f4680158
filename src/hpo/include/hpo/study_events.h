#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hpo/sampler.h"

namespace galley::hpo {

/// What happened to a study. Times are seconds since the study began and never fall; attempts of a
/// trial are counted from 1, and every start, revival or exploit is a new one.
struct Event {
  enum class Kind : std::uint8_t {
    capacity,      // gpus: how many the study may use from now on
    tick,          // only the time
    started,       // an attempt runs
    reported,      // resource, objectives (one a measure, as measured; NaN: none)
    checkpointed,  // resource, text: the checkpoint's name
    released,      // an ordered pause, stop or exploit was carried out: the GPUs are free
    preempted,     // the GPUs were taken without our order; not a failure
    finished,      // the program ended well
    failed,        // the program failed; text: why
    infeasible,    // the program said that these settings cannot be run; text: why
    known          // of an old study: text: a point (known_event), resource (0: its whole budget),
                   // objectives (none: it failed); for the sampler, and no trial of this study
  };
  Kind kind = Kind::tick;
  double at_s = 0;
  TrialNumber trial = -1;
  std::int32_t attempt = 0;
  double resource = 0;
  std::vector<double> objectives{};
  std::string text{};
  std::int64_t gpus = 0;

  bool operator==(const Event&) const = default;
};

/// What the study wants done. Each says why in one sentence without its full stop.
struct Action {
  enum class Kind : std::uint8_t {
    create,   // start a new trial with the point (and the seed number)
    proceed,  // it was judged and runs on; nothing needs doing
    pause,    // signal, checkpoint, release: into the stop pool
    stop,     // the same, or with no GPU: into the dead pool; its checkpoints may go
    exploit,  // start it anew from `checkpoint` of trial `from` with the point
    revive,   // start it again from its `checkpoint` (empty: from nothing)
    finish    // the study is over; trial is the winner, or -1
  };
  Kind kind = Kind::proceed;
  TrialNumber trial = -1;
  std::int32_t attempt = 0;
  Point point{};
  TrialNumber from = -1;
  std::string checkpoint{};
  std::int64_t run_seed = 0;  // create: 0, or the number of a finalist's repetition
  std::string why{};
};

/// What is known of settings from elsewhere; the point is one of the study's space, or the event is
/// ignored.
Event known_event(const Point& point, double resource, std::vector<double> objectives);
/// The point that such an event names, if it is one of the space.
std::optional<Point> known_point(const Event& event, const Space& space);

std::string_view to_string(Event::Kind kind);
std::string_view to_string(Action::Kind kind);

/// One line of text without a line feed, and back: every number bit by bit as it was.
/// Errors: corrupt for text that encode_event does not write.
std::string encode_event(const Event& event);
Result<Event> decode_event(std::string_view line);

}  // namespace galley::hpo
