#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace galley::cli {

/// Files that people write are small; what is larger is the wrong file.
inline constexpr std::int64_t kMaxYamlBytes = 1 << 20;
/// Values after all aliases are expanded: a few lines of aliases can stand for billions.
inline constexpr std::size_t kMaxYamlValues = 100'000;

/// The line (from 1) on which each value's key stands, by the path that protocol's errors name:
/// "resources.gpus", "command[0]"; "" is the document.
using LineMap = std::map<std::string, int, std::less<>>;

struct YamlDocument {
  Json json;
  LineMap lines;
};

/// One YAML document as JSON. Plain scalars are typed as YAML 1.2's core schema says (`yes` is a
/// text, `0x10` a number); anchors and aliases work; further documents, tags of other kinds,
/// repeated keys, keys that are not scalars, infinities and NaN are refused.
/// Errors: invalid_argument, with "line N: " in front of the message and N in `field`; too_large.
Result<YamlDocument> parse_yaml(std::string_view text);

}  // namespace galley::cli
