#include "named_model.h"

namespace galley::app {

Result<NamedModel> parse_named_model(const std::string& text, const std::string& flag) {
  const auto equals = text.find('=');
  const auto slash = text.find('/');
  NamedModel model{.name = {}, .path = text};
  if (equals != std::string::npos && (slash == std::string::npos || equals < slash))
    model = {.name = text.substr(0, equals), .path = text.substr(equals + 1)};
  if (!std::filesystem::exists(model.path))
    return Error{Errc::not_found, "there is nothing at " + model.path.string(), flag};
  if (!model.name.empty()) return model;
  auto path = model.path;
  if (path.filename().empty()) path = path.parent_path();
  model.name = path.extension() == ".gguf" ? path.stem().string() : path.filename().string();
  return model;
}

}  // namespace galley::app
