#include "protocol/checkpoint.h"

#include <algorithm>

#include "base/text.h"

namespace galley::protocol {
namespace {

constexpr std::string_view kContentPrefix = "checkpoint@";
constexpr std::size_t kDigestLetters = 64;
constexpr std::size_t kMaxCheckpointPathBytes = 4096;

bool is_digest(std::string_view text) {
  return text.size() == kDigestLetters && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

Result<CheckpointSource> parse_checkpoint(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto wrong = [&] {
    return Error{Errc::invalid_argument, "found '" + to_valid_utf8(text.substr(0, 96)) + "'",
                 "checkpoint", "RUN/PATH of a checkpoint that a run registered",
                 "`galley runs show RUN` lists what a run registered"};
  };
  if (slash == std::string_view::npos) return wrong();
  const auto run = RunId::parse(text.substr(0, slash));
  if (!run) return wrong();
  CheckpointSource source{.run = *run};
  std::string_view path = text.substr(slash + 1);
  if (const std::size_t at = path.rfind('@');
      at != std::string_view::npos && is_digest(path.substr(at + 1))) {
    source.manifest_sha256 = path.substr(at + 1);
    path = path.substr(0, at);
  }
  const bool odd = std::ranges::any_of(
      path, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (path.empty() || path.size() > kMaxCheckpointPathBytes || odd) return wrong();
  source.path = path;
  return source;
}

std::string print_checkpoint(const CheckpointSource& source) {
  std::string text = source.run.str() + '/' + source.path;
  if (!source.manifest_sha256.empty()) text += '@' + source.manifest_sha256;
  return text;
}

std::string checkpoint_content(std::string_view manifest_sha256) {
  return std::string(kContentPrefix) + std::string(manifest_sha256);
}

std::string_view manifest_of_content(std::string_view name) {
  if (!name.starts_with(kContentPrefix)) return {};
  name.remove_prefix(kContentPrefix.size());
  return is_digest(name) ? name : std::string_view{};
}

}  // namespace galley::protocol
