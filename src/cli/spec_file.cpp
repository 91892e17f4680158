#include "spec_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/file.h"
#include "base/text.h"

namespace galley::cli {
namespace {

Result<std::string> read_stdin() {
  std::string text;
  std::array<char, 16384> buffer{};
  for (;;) {
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("cannot read standard input", errno);
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (static_cast<std::int64_t>(text.size()) > kMaxYamlBytes)
      return Error{Errc::too_large,
                   fmt::format("standard input has more than {} bytes", kMaxYamlBytes)};
  }
}

bool looks_like_json(const std::string& name, std::string_view text) {
  return name.ends_with(".json") || trim(text).starts_with('{');
}

/// The path of what holds this field: "a.b[2]" -> "a.b" -> "a" -> "".
std::string_view holder_of(std::string_view path) {
  const std::size_t cut = path.find_last_of(".[");
  return cut == std::string_view::npos ? std::string_view{} : path.substr(0, cut);
}

}  // namespace

Result<SpecFile> parse_spec_text(const std::string& name, std::string_view text) {
  SpecFile file{.name = name == "-" ? "stdin" : name};
  auto yaml = parse_yaml(text);
  if (looks_like_json(name, text) && static_cast<std::int64_t>(text.size()) <= kMaxYamlBytes) {
    // Nearly all JSON is also YAML, which knows the lines; but JSON's parser has the last word.
    auto json = parse_json(text);
    if (!json)
      return Error{
          json.error().code, file.name + ": " + json.error().message, {}, json.error().expected};
    file.json = *std::move(json);
    if (yaml) file.lines = std::move(yaml->lines);
    return file;
  }
  if (!yaml) {
    const Error& error = yaml.error();
    const std::string prefix = "line " + error.field + ": ";
    if (error.field.empty() || !error.message.starts_with(prefix))
      return Error{error.code, file.name + ": " + error.message, {}, error.expected};
    return Error{error.code, fmt::format("{}:{}: {}", file.name, error.field,
                                         error.message.substr(prefix.size()))};
  }
  file.json = std::move(yaml->json);
  file.lines = std::move(yaml->lines);
  return file;
}

Result<SpecFile> read_spec_file(const std::string& path) {
  GALLEY_TRY(const std::string text, path == "-" ? read_stdin() : read_file(path, kMaxYamlBytes));
  return parse_spec_text(path, text);
}

Error locate(const SpecFile& file, const Error& error) {
  if (error.code == Errc::unavailable) return error;
  std::string_view path = error.field;
  auto line = file.lines.find(path);
  while (line == file.lines.end() && !path.empty()) {
    path = holder_of(path);
    line = file.lines.find(path);
  }
  std::string message = file.name;
  if (line != file.lines.end()) message += fmt::format(":{}", line->second);
  message += ": ";
  if (!error.message.starts_with(error.field)) message += error.field + ": ";
  return Error{error.code, message + error.message, {}, error.expected, error.hint};
}

}  // namespace galley::cli
