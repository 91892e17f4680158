#include "support/database.h"

namespace galley::testing {

Result<std::unique_ptr<store::Database>> open_database(const std::filesystem::path& folder,
                                                       std::span<const store::Migration> steps) {
  return store::open_sqlite({.path = folder / "x.db", .durable = false, .migrations = steps});
}

}  // namespace galley::testing
