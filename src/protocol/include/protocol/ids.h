#pragma once

#include <string_view>

#include "base/id.h"

namespace galley {

struct JobTag {
  static constexpr std::string_view prefix = "job_";
};
struct AttemptTag {
  static constexpr std::string_view prefix = "att_";
};
struct NodeTag {
  static constexpr std::string_view prefix = "node_";
};
struct RunTag {
  static constexpr std::string_view prefix = "run_";
};
struct SnapshotTag {
  static constexpr std::string_view prefix = "snap_";
};
struct TokenTag {
  static constexpr std::string_view prefix = "tok_";
};
struct ReservationTag {
  static constexpr std::string_view prefix = "rsv_";
};
struct StudyTag {
  static constexpr std::string_view prefix = "study_";
};

using JobId = Id<JobTag>;
using AttemptId = Id<AttemptTag>;
using NodeId = Id<NodeTag>;
using RunId = Id<RunTag>;
using SnapshotId = Id<SnapshotTag>;
using TokenId = Id<TokenTag>;
using ReservationId = Id<ReservationTag>;
using StudyId = Id<StudyTag>;

}  // namespace galley
