#pragma once

#include <set>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "hpo/study.h"

namespace galley::studies {

/// `keep_checkpoints` of a study file.
enum class KeepCheckpoints { best, all };
/// Errors: invalid_argument.
Result<KeepCheckpoints> read_keep_checkpoints(const Json& file);

/// Finished trials whose weights a person may want, beside the winner: as many as are raced.
inline constexpr std::size_t kBestKept = 3;

/// The checkpoints of which the study itself, or whoever wants its result, may yet have need: the
/// newest of trials that are live or can come back, what a member of a population is to begin from,
/// those of members that others may copy, and of the best: the winner, the next ones, the finalists
/// with their repetitions, and with several measures of every trial that finished. A study that is
/// over brings no trial back. Pure; O(trials log trials).
std::set<std::string> needed_checkpoints(const hpo::Study& study);

}  // namespace galley::studies
