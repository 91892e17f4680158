#include "settings.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "spec_file.h"

namespace galley::cli {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kMaxCredentialBytes = 1 << 20;

std::string value_of(const Environment& environment, const char* name) {
  return environment(name).value_or(std::string{});
}

fs::path home_folder(const Environment& environment) {
  if (const std::string home = value_of(environment, "HOME"); !home.empty()) return home;
  const passwd* entry = ::getpwuid(::getuid());
  return entry != nullptr && entry->pw_dir != nullptr ? fs::path(entry->pw_dir) : fs::path("/");
}

/// The object in a file, or an empty one when there is no such file.
Result<Json> read_object(const fs::path& path) {
  const auto text = read_file(path, kMaxCredentialBytes);
  if (!text && text.error().code == Errc::not_found) return Json::object();
  if (!text) return text.error();
  GALLEY_TRY(const SpecFile file, parse_spec_text(path.string(), *text));
  if (file.json.is_null()) return Json::object();
  if (!file.json.is_object())
    return Error{
        Errc::invalid_argument, path.string() + ": found no keys", {}, "lines such as key: value"};
  return file.json;
}

Status check_config(const fs::path& path, const Json& config) {
  const std::vector<std::string> known{"server", "data", "ca"};
  for (const auto& [key, value] : config.items()) {
    if (std::ranges::find(known, key) == known.end()) {
      const std::string close = nearest(key, known);
      return Error{Errc::invalid_argument,
                   fmt::format("{}: {}: unknown key", path.string(), key),
                   {},
                   close.empty() ? "server, data or ca" : "",
                   close.empty() ? "" : fmt::format("did you mean {}?", close)};
    }
    if (!value.is_string() || value.get_ref<const std::string&>().empty())
      return Error{Errc::invalid_argument, fmt::format("{}: {}: not a text", path.string(), key)};
  }
  return ok();
}

std::string socket_of(const fs::path& data) {
  std::error_code error;
  const fs::path absolute = fs::absolute(data, error);
  return "unix:" + ((error ? data : absolute) / "galley.sock").string();
}

std::string text_at(const Json& object, const std::string& key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

}  // namespace

Environment process_environment() {
  return [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

std::string default_data_folder() {
  const Environment environment = process_environment();
  const std::string data = value_of(environment, "GALLEY_DATA");
  return data.empty() ? (home_folder(environment) / ".local/share/galley").string() : data;
}

std::string normal_server(std::string_view text) {
  if (text.starts_with('/')) return "unix:" + std::string(text);
  const bool has_scheme = text.starts_with("unix:") || text.find("://") != std::string_view::npos;
  return has_scheme || text.empty() ? std::string(text) : "http://" + std::string(text);
}

Result<Settings> resolve_settings(const GlobalFlags& flags, const Environment& environment) {
  Settings settings;
  const std::string config_home = value_of(environment, "XDG_CONFIG_HOME");
  const fs::path folder =
      (config_home.empty() ? home_folder(environment) / ".config" : fs::path(config_home)) /
      "galley";
  settings.config_file = folder / "config.yaml";
  settings.credentials_file = folder / "credentials.json";
  GALLEY_TRY(const Json config, read_object(settings.config_file));
  GALLEY_TRY_STATUS(check_config(settings.config_file, config));
  const std::string file = settings.config_file.string();

  const auto first_of = [](std::initializer_list<Setting> candidates) {
    for (const Setting& candidate : candidates)
      if (!candidate.value.empty()) return candidate;
    return Setting{};
  };
  settings.data =
      first_of({{flags.data, "--data"},
                {value_of(environment, "GALLEY_DATA"), "GALLEY_DATA"},
                {text_at(config, "data"), file},
                {(home_folder(environment) / ".local/share/galley").string(), "default"}});
  const std::string socket = socket_of(settings.data.value);
  settings.server =
      first_of({{normal_server(flags.server), "--server"},
                {flags.data.empty() ? std::string{} : socket, "--data"},
                {normal_server(value_of(environment, "GALLEY_SERVER")), "GALLEY_SERVER"},
                {normal_server(text_at(config, "server")), file},
                {socket, settings.data.source}});

  settings.ca = first_of({{flags.ca, "--ca"},
                          {value_of(environment, "GALLEY_CA"), "GALLEY_CA"},
                          {text_at(config, "ca"), file}});

  GALLEY_TRY(const Json credentials, read_object(settings.credentials_file));
  const Json servers = credentials.value("servers", Json::object());
  settings.token =
      first_of({{flags.token, "--token"},
                {value_of(environment, "GALLEY_TOKEN"), "GALLEY_TOKEN"},
                {servers.is_object() ? text_at(servers, settings.server.value) : std::string{},
                 settings.credentials_file.string()}});
  return settings;
}

Status store_token(const Settings& settings, const std::string& server, const std::string& token) {
  GALLEY_TRY(Json credentials, read_object(settings.credentials_file));
  if (!credentials["servers"].is_object()) credentials["servers"] = Json::object();
  credentials["servers"][server] = token;
  GALLEY_TRY_STATUS(make_folders(settings.credentials_file.parent_path()));
  return write_file_atomic(settings.credentials_file, dump_json(credentials, 2) + "\n",
                           Durability::disk, 0600);
}

Result<bool> store_default_server(const Settings& settings, const std::string& server) {
  std::error_code error;
  if (fs::exists(settings.config_file, error)) return false;
  GALLEY_TRY_STATUS(make_folders(settings.config_file.parent_path()));
  GALLEY_TRY_STATUS(write_file_atomic(
      settings.config_file, fmt::format("server: {}\n", dump_json(server)), Durability::disk));
  return true;
}

}  // namespace galley::cli
