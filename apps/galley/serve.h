#pragma once

#include <string>
#include <vector>

namespace galley::app {

/// `galley serve`: language models behind OpenAI's API until SIGINT or SIGTERM, which lets running
/// answers end. Links no store. Returns the exit code.
int run_serve(const std::vector<std::string>& arguments);

}  // namespace galley::app
