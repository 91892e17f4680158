#include "references.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/id.h"
#include "fields.h"

namespace galley::cli {
namespace {

constexpr std::int64_t kSearched = 1000;
constexpr std::size_t kLeastPrefix = 8;
constexpr std::size_t kLeastSuffix = 6;

struct Noun {
  std::string_view list;    // "/api/v1/jobs"
  std::string_view prefix;  // "job_"
  std::string_view word;    // "job"
};

Result<std::string> resolve(Session& session, const Noun& noun, const std::string& text) {
  if (text.starts_with(noun.prefix) &&
      is_id_body(std::string_view(text).substr(noun.prefix.size())))
    return text;
  const bool last = text == "last";
  if (!last && text.size() < kLeastSuffix)
    return Error{Errc::invalid_argument,
                 fmt::format("'{}' is too short to name a {}", text, noun.word),
                 {},
                 fmt::format("an id, its first {} or last {} characters, or last", kLeastPrefix,
                             kLeastSuffix)};
  GALLEY_TRY(const Json found, session.list(std::string(noun.list), last ? 1 : kSearched));
  if (last) {
    if (items_of(found).empty())
      return Error{Errc::not_found, fmt::format("there is no {} yet", noun.word)};
    return text_of(items_of(found).front(), "id");
  }
  const std::string prefix = text.starts_with(noun.prefix) ? text : std::string(noun.prefix) + text;
  std::vector<std::string> fitting;
  for (const Json& item : items_of(found)) {
    const std::string id = text_of(item, "id");
    const bool begins = text.size() >= kLeastPrefix && id.starts_with(prefix);
    if (begins || id.ends_with(text)) fitting.push_back(id);
  }
  if (fitting.size() == 1) return fitting.front();
  if (fitting.empty())
    return Error{
        Errc::not_found,
        fmt::format("no {} among the newest {} has the id '{}'", noun.word, kSearched, text),
        {},
        {},
        fmt::format("`galley {}s` lists them", noun.word)};
  const std::size_t count = fitting.size();
  fitting.resize(std::min<std::size_t>(count, 3));
  return Error{Errc::invalid_argument,
               fmt::format("'{}' fits {} {}s: {}{}", text, count, noun.word,
                           fmt::join(fitting, ", "), count > 3 ? ", …" : ""),
               {},
               "more of the id"};
}

}  // namespace

Result<std::string> resolve_job(Session& session, const std::string& text) {
  return resolve(session, {"/api/v1/jobs", "job_", "job"}, text);
}

Result<std::string> resolve_run(Session& session, const std::string& text) {
  if (!text.starts_with("job_")) return resolve(session, {"/api/v1/runs", "run_", "run"}, text);
  GALLEY_TRY(const std::string id, resolve_job(session, text));
  GALLEY_TRY(const Json job, session.get("/api/v1/jobs/" + id));
  const std::string run = text_of(job, "run_id");
  if (run.empty()) return Error{Errc::not_found, "job " + id + " has no run"};
  return run;
}

VersionedName split_reference(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos) return {std::string(text), {}};
  return {std::string(text.substr(0, at)), std::string(text.substr(at + 1))};
}

Result<VersionedName> require_reference(std::string_view text, std::string_view example) {
  VersionedName reference = split_reference(text);
  if (!reference.name.empty() && !reference.version.empty()) return reference;
  return Error{Errc::invalid_argument,
               fmt::format("'{}' names no version", text),
               {},
               fmt::format("NAME@VERSION, such as {}", example)};
}

}  // namespace galley::cli
