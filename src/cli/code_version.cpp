#include "code_version.h"

#include <algorithm>
#include <string>

#include "base/text.h"
#include "process/child.h"

namespace galley::cli {
namespace {

constexpr Millis kMostWait{1'000};

std::string ask_git(const std::filesystem::path& folder, std::vector<std::string> words) {
  std::vector<std::string> argv{"git", "--no-optional-locks", "-C", folder.string()};
  argv.insert(argv.end(), words.begin(), words.end());
  const auto answer = process::run_child(argv, {.timeout = kMostWait, .max_output_bytes = 8 << 20});
  return answer && answer->succeeded() ? answer->stdout_bytes : std::string();
}

}  // namespace

std::string without_password(std::string_view address) {
  const std::size_t scheme = address.find("://");
  if (scheme == std::string_view::npos) return std::string(address);
  const std::size_t begin = scheme + 3;
  const std::size_t end = std::min(address.find('/', begin), address.size());
  const std::size_t at = address.substr(0, end).rfind('@');
  if (at == std::string_view::npos || at < begin) return std::string(address);
  return std::string(address.substr(0, begin)) + std::string(address.substr(at + 1));
}

Json read_git_status(std::string_view text) {
  Json code = Json::object();
  bool dirty = false;
  for (const std::string_view line : split(text, '\n')) {
    constexpr std::string_view kCommit = "# branch.oid ";
    constexpr std::string_view kBranch = "# branch.head ";
    if (line.starts_with(kCommit)) {
      if (line.substr(kCommit.size()) != "(initial)") code["commit"] = line.substr(kCommit.size());
    } else if (line.starts_with(kBranch)) {
      if (line.substr(kBranch.size()) != "(detached)") code["branch"] = line.substr(kBranch.size());
    } else if (!line.empty() && !line.starts_with('#')) {
      dirty = true;
    }
  }
  if (!code.contains("commit")) return nullptr;
  code["dirty"] = dirty;
  return code;
}

Json code_version(const std::filesystem::path& folder) {
  Json code = read_git_status(
      ask_git(folder, {"status", "--porcelain=v2", "--branch", "--untracked-files=no"}));
  if (code.is_null()) return code;
  const std::string address =
      without_password(trim(ask_git(folder, {"config", "--get", "remote.origin.url"})));
  if (!address.empty() && address.size() <= 1'024 && is_valid_utf8(address))
    code["repository"] = address;
  const auto branch = code.find("branch");
  if (branch != code.end() && branch->get_ref<const std::string&>().size() > 255)
    code.erase("branch");
  return code;
}

}  // namespace galley::cli
