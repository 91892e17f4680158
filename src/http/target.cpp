#include "target.h"

#include "base/text.h"

namespace galley::http {
namespace {

std::string_view without_origin(std::string_view target) {
  if (target.starts_with('/')) return target;
  const auto scheme = target.find("://");
  if (scheme == std::string_view::npos) return target;
  const auto path = target.find_first_of("/?", scheme + 3);
  return path == std::string_view::npos ? std::string_view("/") : target.substr(path);
}

Result<std::string> decode(std::string_view text, bool plus_is_space, std::string_view what) {
  auto decoded = percent_decode(text, plus_is_space);
  if (!decoded || is_valid_utf8(*decoded)) return decoded;
  return Error{Errc::invalid_argument, "the " + std::string(what) + " is not valid UTF-8"};
}

Status parse_query(std::string_view text, Request& request) {
  while (!text.empty()) {
    const auto end = text.find('&');
    const auto pair = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    GALLEY_TRY(auto name, decode(pair.substr(0, equals), true, "query"));
    GALLEY_TRY(auto value, decode(equals == std::string_view::npos ? "" : pair.substr(equals + 1),
                                  true, "query"));
    request.query.emplace_back(std::move(name), std::move(value));
  }
  return ok();
}

}  // namespace

std::string_view raw_path(std::string_view target) {
  const auto origin_form = without_origin(target);
  const auto path = origin_form.substr(0, origin_form.find_first_of("?#"));
  return path.empty() ? std::string_view("/") : path;
}

Status parse_target(Request& request) {
  GALLEY_TRY(request.path, decode(raw_path(request.target), false, "path"));
  const auto origin_form = without_origin(request.target).substr(0, request.target.find('#'));
  const auto question = origin_form.find('?');
  return question == std::string_view::npos
             ? ok()
             : parse_query(origin_form.substr(question + 1), request);
}

}  // namespace galley::http
