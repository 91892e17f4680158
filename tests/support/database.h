#pragma once

#include <filesystem>
#include <memory>
#include <span>

#include "store/database.h"

namespace galley::testing {

/// The database of one test; the same folder gives the same database again. A test program links
/// database_sqlite.cpp or postgres/database_postgresql.cpp, so that one suite runs on both.
Result<std::unique_ptr<store::Database>> open_database(
    const std::filesystem::path& folder,
    std::span<const store::Migration> steps = store::migrations());

}  // namespace galley::testing
