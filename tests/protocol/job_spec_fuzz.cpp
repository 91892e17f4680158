// Job specs: what anybody submits. Whatever is accepted is stored, so it must be readable again.
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "protocol/job_spec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley;
  const auto json = parse_json(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!json) return 0;
  const auto spec = protocol::parse_job_spec(*json);
  if (!spec) {
    const Error& error = spec.error();
    if (error.message.empty() || !is_valid_utf8(describe(error))) std::abort();
    return 0;
  }
  const auto printed = parse_json(dump_json(protocol::print_struct(*spec)));
  if (!printed) std::abort();
  const auto again = protocol::parse_job_spec(*printed);
  if (!again || !(*again == *spec)) std::abort();
  return 0;
}
