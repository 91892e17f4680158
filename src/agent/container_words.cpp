// What engines print, and what they would obey.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "container_engine.h"

namespace galley::agent {
namespace {

bool contains(std::string_view text, std::string_view words) {
  const auto same = [](unsigned char a, unsigned char b) { return std::tolower(a) == b; };
  return std::search(text.begin(), text.end(), words.begin(), words.end(), same) != text.end();
}

template <std::size_t N>
bool contains_any(std::string_view text, const std::array<std::string_view, N>& list) {
  return std::ranges::any_of(list, [&](std::string_view words) { return contains(text, words); });
}

/// The last line that says something, cut to a sentence's length.
std::string last_line(std::string_view output) {
  std::string last;
  for (const std::string_view line : split(output, '\n'))
    if (!trim(line).empty()) last = to_valid_utf8(trim(line));
  constexpr std::size_t kLongest = 400;
  if (last.size() > kLongest) last = to_valid_utf8(last.substr(0, kLongest)) + "...";
  return last.empty() ? "it gave no reason" : last;
}

}  // namespace

bool is_obeyed_by_engines(std::string_view name) {
  constexpr std::array<std::string_view, 6> kNames{"PATH",   "HOME",    "USER",
                                                   "TMPDIR", "GODEBUG", "NOTIFY_SOCKET"};
  constexpr std::array<std::string_view, 14> kBeginnings{
      "LD_",      "XDG_",      "DOCKER_",     "CONTAINER",   "PODMAN_", "BUILDAH_", "STORAGE_",
      "REGISTRY", "SSL_CERT_", "GOTRACEBACK", "_CONTAINERS", "DBUS_",   "LISTEN_",  "CNI_"};
  return std::ranges::find(kNames, name) != kNames.end() ||
         std::ranges::any_of(kBeginnings,
                             [&](std::string_view begin) { return name.starts_with(begin); }) ||
         (name.size() > 6 && contains(name.substr(name.size() - 6), "_proxy"));
}

const std::vector<const char*>& engine_variables() {
  static const std::vector<const char*> names{"PATH",
                                              "HOME",
                                              "USER",
                                              "LANG",
                                              "TMPDIR",
                                              "XDG_RUNTIME_DIR",
                                              "XDG_CONFIG_HOME",
                                              "XDG_DATA_HOME",
                                              "DBUS_SESSION_BUS_ADDRESS",
                                              "DOCKER_HOST",
                                              "DOCKER_CONFIG",
                                              "DOCKER_CONTEXT",
                                              "CONTAINERS_CONF",
                                              "CONTAINERS_STORAGE_CONF",
                                              "CONTAINERS_REGISTRIES_CONF",
                                              "REGISTRY_AUTH_FILE",
                                              "HTTP_PROXY",
                                              "HTTPS_PROXY",
                                              "NO_PROXY",
                                              "http_proxy",
                                              "https_proxy",
                                              "no_proxy",
                                              "APPTAINER_CACHEDIR",
                                              "APPTAINER_TMPDIR"};
  return names;
}

Result<ContainerEnvironment> container_environment(EngineKind kind,
                                                   const std::map<std::string, std::string>& ours,
                                                   const std::map<std::string, std::string>& job) {
  ContainerEnvironment made{.command = ours};
  for (const auto& [name, value] : job) {
    if (kind == EngineKind::apptainer) {
      made.command["APPTAINERENV_" + name] = value;
    } else if (!is_obeyed_by_engines(name)) {
      made.command[name] = value;
      made.names.push_back(name);
    } else if (value.find('\n') != std::string::npos) {
      return Error{Errc::invalid_argument,
                   "the value of " + name + " has a line break, which a container cannot be given",
                   "env", "one line"};
    } else {
      made.file += name + "=" + value + "\n";
    }
  }
  return made;
}

ImageFailure explain_pull(const std::string& image, std::string_view output) {
  const std::string detail = "'" + image + "': " + last_line(output);
  constexpr std::array<std::string_view, 7> kNotAllowed{
      "unauthorized",       "authentication required", "access to the resource is denied",
      "access denied",      "pull access denied",      "403 forbidden",
      "requested access to"};
  constexpr std::array<std::string_view, 8> kNotFound{"manifest unknown",
                                                      "name unknown",
                                                      "not found",
                                                      "no such image",
                                                      "did not resolve to an alias",
                                                      "invalid reference format",
                                                      "no image found in manifest list",
                                                      "no matching manifest"};
  constexpr std::array<std::string_view, 13> kUnreachable{"dial tcp",
                                                          "i/o timeout",
                                                          "connection refused",
                                                          "connection reset",
                                                          "no such host",
                                                          "tls handshake",
                                                          "x509:",
                                                          "temporary failure",
                                                          "toomanyrequests",
                                                          "503 service",
                                                          "502 bad gateway",
                                                          "network is unreachable",
                                                          "unexpected eof"};
  constexpr std::array<std::string_view, 3> kFull{"no space left", "disk quota exceeded",
                                                  "read-only file system"};
  constexpr std::array<std::string_view, 3> kNoDaemon{
      "cannot connect to the docker daemon", "is the docker daemon running", "podman.sock"};
  // What is said of the node comes first: a daemon that is "not found" says nothing of the image.
  if (contains_any(output, kNoDaemon))
    return {ImageFault::node, "container engine unreachable: " + last_line(output)};
  if (contains_any(output, kFull)) return {ImageFault::node, "no room for image " + detail};
  if (contains_any(output, kUnreachable))
    return {ImageFault::node, "registry unreachable: " + detail};
  if (contains_any(output, kNotAllowed)) return {ImageFault::user, "image not allowed: " + detail};
  if (contains_any(output, kNotFound)) return {ImageFault::user, "image not found: " + detail};
  return {ImageFault::user, "image cannot be pulled: " + detail};
}

std::optional<ImageFailure> explain_run(EngineKind kind, std::int64_t exit_code,
                                        std::string_view log_end) {
  const std::string last = last_line(log_end);
  const bool by_engine = kind == EngineKind::apptainer
                             ? last.starts_with("FATAL:")
                             : last.starts_with("Error:") || last.starts_with("docker:") ||
                                   last.starts_with("See 'docker run --help'") ||
                                   last.starts_with("Run 'docker run --help'");
  if (!by_engine) return std::nullopt;
  constexpr std::array<std::string_view, 5> kOfTheJob{"executable file not found", "workdir",
                                                      "no such file or directory",
                                                      "permission denied", "image not known"};
  if (exit_code == 126 || exit_code == 127 || (kind == EngineKind::apptainer && exit_code == 255))
    return ImageFailure{ImageFault::user, "command not found in the image: " + last};
  if (exit_code != 125) return std::nullopt;
  if (contains_any(log_end, kOfTheJob))
    return ImageFailure{ImageFault::user, "container cannot start: " + last};
  return ImageFailure{ImageFault::node, "container engine failed: " + last};
}

}  // namespace galley::agent
