#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "named_model.h"
#include "openai/text_models.h"

namespace galley::app {

struct ServeOptions {
  std::vector<NamedModel> models;
  openai::TextModelOptions model;  // of each
  std::string listen = "127.0.0.1:7421";
  std::filesystem::path data;  // of files and batches; empty: none
  std::string api_key;         // empty: none is asked for
  std::string tls_certificate;
  std::string tls_key;
  bool verbose = false;
};

/// The options, or the exit code when there is nothing left to do (--help, a mistake).
std::variant<ServeOptions, int> parse_serve_options(const std::vector<std::string>& arguments);

}  // namespace galley::app
