#include "build_context.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "base/units.h"
#include "fields.h"
#include "upload.h"

namespace galley::cli {
namespace {

namespace fs = std::filesystem;

/// Code and its small files; what is larger is a data set of its own.
constexpr std::int64_t kMostContextBytes = std::int64_t{1} << 30;
constexpr std::int64_t kMostContextFiles = 50'000;

bool is_reference(std::string_view text) {
  const auto at = text.rfind('@');
  return at != std::string_view::npos && at > 0 && at + 1 < text.size() &&
         std::all_of(text.begin() + static_cast<std::ptrdiff_t>(at) + 1, text.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

Status check_size(const fs::path& folder) {
  std::int64_t bytes = 0;
  std::int64_t files = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (!entry->is_regular_file(ignored)) continue;
    bytes += static_cast<std::int64_t>(entry->file_size(ignored));
    if (++files > kMostContextFiles || bytes > kMostContextBytes)
      return Error{Errc::too_large,
                   fmt::format("'{}' holds more than {} in {} files", folder.string(),
                               format_bytes(kMostContextBytes), kMostContextFiles),
                   "build.context", "a folder with the code that the image is made from",
                   "large inputs are data sets: `galley datasets push`"};
  }
  return ok();
}

/// A data set's name for the context of a job: letters, digits and '-'.
std::string name_of(const Json& spec, const fs::path& folder) {
  std::string name = text_of(spec, "name");
  if (name.empty()) name = folder.filename().string();
  constexpr std::size_t kLongest = 57;  // of the 63 that a name may have
  name.resize(std::min(name.size(), kLongest));
  std::ranges::transform(name, name.begin(), [](unsigned char c) {
    return c < 0x80 && std::isalnum(c) != 0 ? static_cast<char>(std::tolower(c)) : '-';
  });
  return "build-" + name;
}

}  // namespace

Status freeze_context(Session& session, SpecFile& file) {
  const Json& build = child_of(file.json, "build");
  const std::string context = text_of(build, "context");
  if (context.empty()) return ok();
  std::error_code error;
  const fs::path base = file.name == "-" ? fs::path() : fs::path(file.name).parent_path();
  const fs::path folder = fs::absolute(base / context, error).lexically_normal();
  if (!fs::is_directory(folder, error)) {
    if (is_reference(context)) return ok();
    return locate(file,
                  Error{Errc::not_found, fmt::format("there is no folder '{}'", folder.string()),
                        "build.context", "a folder, or a data set as NAME@VERSION"});
  }
  if (auto fits = check_size(folder); !fits) return locate(file, fits.error());
  GALLEY_TRY(const Uploaded sent, upload(session, folder));
  const Json body{{"manifest", sent.manifest}, {"note", "context of a build"}};
  const auto trimmed = folder.has_filename() ? folder : folder.parent_path();
  GALLEY_TRY(const Json snapshot,
             session.post_once(
                 "/api/v1/datasets/" + encoded(name_of(file.json, trimmed)) + "/versions", body));
  file.json["build"]["context"] = text_of(snapshot, "ref");
  session.note(fmt::format("{} is frozen as {}; {} sent", folder.string(), text_of(snapshot, "ref"),
                           format_bytes(sent.sent_bytes)));
  return ok();
}

}  // namespace galley::cli
