#pragma once

#include <vector>

#include "tree.h"

namespace galley::tidy {

/// Modules include and link only what lies in their own layer or below, without cycles; what they
/// include they link, and what they link they include; some never reach the store; heavy libraries
/// stay out of public headers.
std::vector<Finding> check_layers(const Tree& tree);

/// No unfinished business: leftover markers, paths of one machine, files that nothing builds or
/// includes, files that grew past kLongestFile, modules without a README, headers without a guard.
std::vector<Finding> check_leftovers(const Tree& tree);

/// No two files under src/ and bench/ define a type of one name in one namespace, which the
/// language forbids and no compiler notices. Unnamed namespaces are a file's own.
std::vector<Finding> check_types(const Tree& tree);

inline constexpr std::size_t kLongestFile = 450;

/// The headers under src/ that no source file includes first: only for these does the build not
/// prove already that they compile alone. Public ones, as "module/header.h".
std::vector<std::string> unproven_headers(const Tree& tree);

}  // namespace galley::tidy
