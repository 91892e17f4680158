#pragma once

#include <filesystem>

#include "base/json.h"

namespace galley::cli {

/// The state of the code in a folder, as a job's `code`: repository, commit, branch, dirty. Null
/// where there is no git, no repository, or no answer within a second: a job is not held up by it.
/// Passwords in the repository's address are left out.
Json code_version(const std::filesystem::path& folder);

/// Reads what `git status --porcelain=v2 --branch` prints. Pure.
Json read_git_status(std::string_view text);

/// The address without the user and password that may stand in it. Pure.
std::string without_password(std::string_view address);

}  // namespace galley::cli
