#include <cstdint>
#include <string_view>

#include "process/attempt_files.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley::process;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto spec = parse_spec(text)) {
    const auto again = parse_spec(print_spec(*spec));
    GALLEY_CHECK(again && *again == *spec, "a spec survives printing");
  }
  if (const auto exit = parse_exit(text)) {
    const auto again = parse_exit(print_exit(*exit));
    GALLEY_CHECK(again && *again == *exit, "an exit survives printing");
  }
  if (const auto record = parse_supervisor(text))
    GALLEY_CHECK(parse_supervisor(print_supervisor(*record)).has_value(), "a record survives");
  (void)parse_proc_stat(text).has_value();
  (void)CgroupLayout::parse(text, text);
  return 0;
}
