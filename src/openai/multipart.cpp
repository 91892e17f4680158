#include "multipart.h"

#include <algorithm>
#include <string>

#include "base/text.h"

namespace galley::openai {
namespace {

constexpr std::size_t kMaxBoundary = 70;  // RFC 2046

Error broken(std::string message) {
  return Error{
      Errc::invalid_argument, std::move(message), {}, "a complete multipart/form-data body"};
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool begins_with(std::string_view text, std::string_view word) {
  return text.size() >= word.size() &&
         std::ranges::equal(text.substr(0, word.size()), word, {}, lower, lower);
}

/// The value of `key` among "; key=value" parameters, without its quotes.
std::string_view parameter(std::string_view line, std::string_view key) {
  for (;;) {
    const auto semicolon = line.find(';');
    if (semicolon == std::string_view::npos) return {};
    line = trim(line.substr(semicolon + 1));
    if (!begins_with(line, key) || line.substr(key.size(), 1) != "=") continue;
    line.remove_prefix(key.size() + 1);
    if (!line.starts_with('"')) return trim(line.substr(0, line.find(';')));
    line.remove_prefix(1);
    return line.substr(0, line.find('"'));
  }
}

/// Cuts the headers off and reads Content-Disposition.
Result<Part> read_part(std::string_view text) {
  constexpr std::string_view kDisposition = "content-disposition:";
  Part part;
  while (!text.starts_with("\r\n")) {
    const auto end = text.find("\r\n");
    if (end == std::string_view::npos) return broken("the headers of a part do not end");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 2);
    if (!begins_with(line, kDisposition)) continue;
    part.name = parameter(line, "name");
    part.file_name = parameter(line, "filename");
  }
  if (part.name.empty()) return broken("a part has no name");
  part.content = text.substr(2);
  return part;
}

}  // namespace

Result<std::vector<Part>> parse_multipart(std::string_view content_type, std::string_view body) {
  if (!begins_with(content_type, "multipart/form-data"))
    return Error{Errc::invalid_argument,
                 "the content type is '" + to_valid_utf8(content_type.substr(0, 80)) + "'",
                 {},
                 "multipart/form-data with a boundary"};
  const std::string_view boundary = parameter(content_type, "boundary");
  if (boundary.empty() || boundary.size() > kMaxBoundary)
    return broken("the content type has no boundary of 1 to 70 characters");
  const std::string mark = "\r\n--" + std::string(boundary);
  std::string_view rest = body;
  if (!rest.starts_with(std::string_view(mark).substr(2))) {
    const auto begin = rest.find(mark);  // a preamble may stand before the first part
    if (begin == std::string_view::npos) return broken("the body does not have the boundary");
    rest.remove_prefix(begin + 2);
  }
  rest.remove_prefix(mark.size() - 2);
  std::vector<Part> parts;
  while (!rest.starts_with("--")) {
    if (!rest.starts_with("\r\n")) return broken("a boundary is not followed by a line break");
    rest.remove_prefix(2);
    const auto end = rest.find(mark);
    if (end == std::string_view::npos) return broken("the body ends in the middle of a part");
    if (parts.size() == kMaxParts)
      return broken("the body has more than " + std::to_string(kMaxParts) + " parts");
    GALLEY_TRY(const Part part, read_part(rest.substr(0, end)));
    parts.push_back(part);
    rest.remove_prefix(end + mark.size());
  }
  return parts;
}

}  // namespace galley::openai
