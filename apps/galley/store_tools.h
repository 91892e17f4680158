#pragma once

#include <string>
#include <vector>

namespace galley::app {

/// `galley store copy | backup | restore | check`: work on databases while no server runs on them
/// (a backup may be made at any time). Returns the exit code.
int run_store_tools(const std::vector<std::string>& arguments);

}  // namespace galley::app
