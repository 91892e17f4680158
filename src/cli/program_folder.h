#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace galley::cli {

/// Where this executable stands, and the other ones beside it.
std::filesystem::path program_folder();

/// Replaces this process by a program of that folder; answers an exit code only when it cannot.
int become_program(const std::string& name, const std::vector<std::string>& arguments);

}  // namespace galley::cli
