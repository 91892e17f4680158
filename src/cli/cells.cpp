#include "cells.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "fields.h"

namespace galley::cli {
namespace {

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<Json> parse_cells(const std::string& text) {
  const std::string_view all = text;
  const std::size_t cross = all.find('x');
  const std::size_t colon = all.rfind(':');
  if (cross != std::string_view::npos) {
    const auto rest = all.substr(cross + 1);
    const bool typed = colon != std::string_view::npos && colon > cross;
    const auto count = whole_number(all.substr(0, cross));
    const auto gpus = whole_number(typed ? all.substr(colon + 1) : rest);
    const auto type = typed ? all.substr(cross + 1, colon - cross - 1) : std::string_view{};
    if (count && gpus && *count > 0 && *gpus > 0 && typed != type.empty()) {
      Json guarantee{{"count", *count}, {"gpus", *gpus}};
      if (typed) guarantee["gpu_type"] = std::string(type);
      return guarantee;
    }
  }
  return Error{Errc::invalid_argument, "found '" + text.substr(0, 64) + "'", "--cells",
               "COUNTxTYPE:GPUS, such as 4xA100:8, or COUNTxGPUS for any type"};
}

std::string cells_text(const Json& guarantee) {
  const std::string type = text_of(guarantee, "gpu_type");
  return fmt::format("{}x{}{}{}", count_of(guarantee, "count"), type, type.empty() ? "" : ":",
                     count_of(guarantee, "gpus"));
}

}  // namespace galley::cli
