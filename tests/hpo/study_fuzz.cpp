// A study's file and its journal come from outside: neither may crash, and what is read must be
// printed and read back to the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json.h"
#include "hpo/study_events.h"
#include "hpo/study_spec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto event = hpo::decode_event(text)) {
    const auto line = hpo::encode_event(*event);
    const auto again = hpo::decode_event(line);
    if (!again || hpo::encode_event(*again) != line) std::abort();
  }
  const auto json = parse_json(text);
  if (!json) return 0;
  const auto spec = hpo::parse_study_spec(*json);
  if (!spec) return 0;
  const auto printed = hpo::print_study_spec(*spec);
  const auto again = hpo::parse_study_spec(printed);
  if (!again || hpo::print_study_spec(*again) != printed) std::abort();
  return 0;
}
