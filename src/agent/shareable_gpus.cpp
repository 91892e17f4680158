#include "agent/shareable_gpus.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "base/text.h"

namespace galley::agent {
namespace {

constexpr std::int64_t kMostIndex = 127;  // of more GPUs than any machine has

std::optional<std::int64_t> index_of(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value > kMostIndex)
    return std::nullopt;
  return value;
}

}  // namespace

bool ShareableGpus::holds(std::int64_t index) const {
  return all || std::ranges::binary_search(indices, index);
}

Result<ShareableGpus> parse_shareable_gpus(std::string_view text) {
  if (trim(text) == "all") return ShareableGpus{true, {}};
  if (trim(text) == "none") return ShareableGpus{};
  ShareableGpus gpus;
  for (const std::string_view part : split(text, ',')) {
    const auto dash = part.find('-');
    const auto first = index_of(trim(part.substr(0, dash)));
    const auto last =
        dash == std::string_view::npos ? first : index_of(trim(part.substr(dash + 1)));
    if (!first || !last || *last < *first)
      return Error{
          Errc::invalid_argument, "'" + to_valid_utf8(part.substr(0, 32)) + "' names no GPUs",
          "shareable-gpus",
          "all, none, or numbers from 0 to " + std::to_string(kMostIndex) + " such as 0,1 or 0-3"};
    for (std::int64_t index = *first; index <= *last; ++index) gpus.indices.push_back(index);
  }
  std::ranges::sort(gpus.indices);
  const auto repeated = std::ranges::unique(gpus.indices);
  gpus.indices.erase(repeated.begin(), repeated.end());
  return gpus;
}

}  // namespace galley::agent
