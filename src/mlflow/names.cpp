#include "names.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "error_reply.h"

namespace galley::mlflow {
namespace {

bool is_name_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
         (c >= 'a' && c <= 'z') || std::string_view("_-./: ").find(c) != std::string_view::npos;
}

/// Names may become paths of files.
bool is_plain_path(std::string_view name) {
  if (name.starts_with('/') || name.ends_with('/')) return false;
  for (const std::string_view part : split(name, '/'))
    if (part.empty() || part == "." || part == "..") return false;
  return true;
}

Status check_length(std::string_view what, std::string_view key, std::size_t length,
                    std::size_t most) {
  if (length <= most) return ok();
  return fault(fmt::format("{} '{}' had length {}, which exceeded length limit of {}", what,
                           key.substr(0, 80), length, most));
}

}  // namespace

Status check_name(std::string_view what, std::string_view name) {
  if (name.empty()) return fault(fmt::format("{} name cannot be empty.", what));
  GALLEY_TRY_STATUS(
      check_length(fmt::format("{} name", what), name, name.size(), tracking::kMaxKeyBytes));
  if (!std::ranges::all_of(name, is_name_byte))
    return fault(
        fmt::format("Invalid {} name: '{}'. Names may only contain alphanumerics,"
                    " underscores (_), dashes (-), periods (.), spaces ( ), colons (:) and"
                    " slashes (/).",
                    what, to_valid_utf8(name.substr(0, 80))));
  if (!is_plain_path(name))
    return fault(
        fmt::format("Invalid {} name: '{}'. Names may be treated as files in certain"
                    " cases, and must not resolve to other names when treated as such.",
                    what, name.substr(0, 80)));
  return ok();
}

Status check_params(const std::vector<tracking::KeyValue>& params) {
  for (const auto& [key, value] : params) {
    GALLEY_TRY_STATUS(check_name("param", key));
    GALLEY_TRY_STATUS(check_length("Param value of", key, value.size(), kMaxParamBytes));
  }
  return ok();
}

Status check_tags(const std::vector<tracking::KeyValue>& tags) {
  for (const auto& [key, value] : tags) {
    GALLEY_TRY_STATUS(check_name("tag", key));
    GALLEY_TRY_STATUS(check_length("Tag value of", key, value.size(), kMaxTagBytes));
  }
  return ok();
}

Status check_batch(const tracking::LogBatch& batch) {
  for (const std::string& key : batch.points.keys()) GALLEY_TRY_STATUS(check_name("metric", key));
  GALLEY_TRY_STATUS(check_params(batch.params));
  GALLEY_TRY_STATUS(check_tags(batch.tags));
  for (std::size_t i = 0; i < batch.params.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (batch.params[i].first == batch.params[j].first)
        return fault(
            fmt::format("Duplicate parameter keys have been submitted: ['{}']. Please"
                        " ensure the request contains only one param value per param key.",
                        batch.params[i].first));
  return ok();
}

}  // namespace galley::mlflow
