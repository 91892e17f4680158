#pragma once

#include <string>
#include <vector>

#include "profiling/capacity.h"
#include "profiling/merge.h"
#include "profiling/prediction.h"
#include "profiling/profile.h"

namespace galley::profiling {

/// One study as a single HTML file: every plot has its plain answer above it and its figures as a
/// table below. Style and pictures stand in the file; it loads nothing and runs no script, so that
/// it opens under the strictest content security policy, offline and on paper.
///
/// Text from the profile (names, notes, refusals) is escaped. Pure.
std::string report_html(const Profile& profile, const CapacityOptions& capacity = {});

/// The comparison of several studies as such a file, each figure drawn beside the others'.
std::string comparison_html(const Comparison& comparison, const std::vector<Profile>& studies);

/// A prediction as such a file: what it says, and from which studies.
std::string prediction_html(const Prediction& prediction);

}  // namespace galley::profiling
