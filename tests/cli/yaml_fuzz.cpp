#include <cstdint>

#include "spec_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto yaml = cli::parse_yaml(text);
  if (yaml) {
    const auto again = parse_json(dump_json(yaml->json));
    GALLEY_CHECK(again && *again == yaml->json, "a document survives as JSON");
  }
  const auto file = cli::parse_spec_text("job.yaml", text);
  GALLEY_CHECK(file || !file.error().message.empty(), "a refusal says why");
  return 0;
}
