#include <map>

#include "support/database.h"
#include "support/postgres/shared_server.h"

namespace galley::testing {

Result<std::unique_ptr<store::Database>> open_database(const std::filesystem::path& folder,
                                                       std::span<const store::Migration> steps) {
  static std::map<std::filesystem::path, std::string> urls;
  std::string& url = urls[folder];
  if (url.empty()) url = fresh_database();
  return store::open_postgresql({.url = url, .durable = false, .migrations = steps});
}

}  // namespace galley::testing
