// Lines of a program's output: any bytes at all, and never an error.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/text.h"
#include "protocol/progress_line.h"

namespace {

void check(std::string_view text) {
  using namespace galley;
  const auto line = protocol::parse_progress_line(text);
  if (line.has_value() != text.starts_with(protocol::kProgressPrefix)) std::abort();
  if (!line) return;
  if (line->step && *line->step < 0) std::abort();
  if (line->metrics.size() + line->texts.size() + line->artifacts.size() > 256) std::abort();
  for (const auto& [key, value] : line->metrics)
    if (key.empty() || key.size() > 250 || !is_valid_utf8(key)) std::abort();
  for (const auto& [key, value] : line->texts)
    if (!is_valid_utf8(key) || !is_valid_utf8(value)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check(text);
  check("galley:: " + text);
  return 0;
}
