#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"

namespace galley::cli {

struct GlobalFlags {
  std::string server;
  std::string token;
  std::string data;
  std::string ca;
  bool json = false;
};

struct Setting {
  std::string value;  // empty = not set
  std::string
      source;  // "--server", "GALLEY_SERVER", "/home/a/.config/galley/config.yaml", "default"
};

/// Where to find the server and how to be let in.
struct Settings {
  Setting server;  // "unix:PATH", "http://HOST:PORT" or "https://HOST:PORT"
  Setting token;
  Setting data;
  Setting ca;  // a file of certificates to be trusted besides the system's
  std::filesystem::path config_file;
  std::filesystem::path credentials_file;
};

/// Looks up a variable of the environment; injected, so that tests own it.
using Environment = std::function<std::optional<std::string>(const char* name)>;
Environment process_environment();

/// Flags, then GALLEY_*, then the config file, then the local default. The file's keys are
/// `server`, `data` and `ca`. A token from the credentials is only ever sent to the server it was
/// stored for. Errors: invalid_argument (a config file with other keys), forbidden.
Result<Settings> resolve_settings(const GlobalFlags& flags, const Environment& environment);

/// The form that the HTTP client takes: "host:7420" -> "http://host:7420", "/x/s.sock" ->
/// "unix:/x/s.sock"; others unchanged.
std::string normal_server(std::string_view text);

/// Keeps the token for this server, in a file that only its owner can read.
Status store_token(const Settings& settings, const std::string& server, const std::string& token);

/// Makes this server the default of later commands, unless a config file already says something.
/// Answers whether it was written.
Result<bool> store_default_server(const Settings& settings, const std::string& server);

}  // namespace galley::cli
