#include "attempt_checkpoint.h"

#include <algorithm>

#include "protocol/checkpoint.h"

namespace galley::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPlaceholder = "{checkpoint}";

void put_in(std::string& text, const std::string& path) {
  for (std::size_t at = text.find(kPlaceholder); at != std::string::npos;
       at = text.find(kPlaceholder, at + path.size()))
    text.replace(at, kPlaceholder.size(), path);
}

/// A file is frozen as a folder that holds nothing else.
bool is_only_file(const fs::path& folder, const fs::path& name) {
  std::error_code error;
  if (name.empty() || !fs::is_regular_file(fs::symlink_status(folder / name, error))) return false;
  const fs::directory_iterator entries(folder, error);
  return !error && std::distance(fs::begin(entries), fs::end(entries)) == 1;
}

}  // namespace

std::string checkpoint_content(const protocol::JobSpec& spec) {
  if (!spec.checkpoint) return {};
  const auto source = protocol::parse_checkpoint(*spec.checkpoint);
  if (!source || source->manifest_sha256.empty()) return {};
  return protocol::checkpoint_content(source->manifest_sha256);
}

std::string checkpoint_place(const protocol::JobSpec& spec, const AttemptPlace& place) {
  const std::string content = checkpoint_content(spec);
  const auto set = std::ranges::find(place.data_sets, content, &DataSet::reference);
  if (content.empty() || set == place.data_sets.end()) return {};
  const fs::path seen = data_sets_folder(place.folder) / content;
  const fs::path name = fs::path(protocol::parse_checkpoint(*spec.checkpoint)->path).filename();
  return (is_only_file(set->folder, name) ? seen / name : seen).string();
}

void name_checkpoint(protocol::JobSpec& spec, const std::string& path) {
  if (path.empty()) return;
  for (std::string& word : spec.command) put_in(word, path);
  for (auto& [name, value] : spec.env) put_in(value, path);
}

}  // namespace galley::agent
