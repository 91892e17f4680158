#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace galley::app {

/// A language model, or an adapter, as the command line names it.
struct NamedModel {
  std::string name;
  std::filesystem::path path;
};

/// "NAME=PATH", or a path, whose last part without .gguf is the name. Errors: not_found.
Result<NamedModel> parse_named_model(const std::string& text, const std::string& flag);

}  // namespace galley::app
