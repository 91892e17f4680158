// Bodies of requests, uploads and batches: nothing may crash, and what is refused says why.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "batch_record.h"
#include "error_reply.h"
#include "fields.h"
#include "multipart.h"
#include "requests.h"
#include "tool_calls.h"

namespace {

using namespace galley;
using namespace galley::openai;

void look(const auto& result) {
  if (!result) GALLEY_CHECK(!result.error().message.empty(), "a refusal says why");
  if (!result) dump_json(error_body(result.error()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  look(parse_multipart("multipart/form-data; boundary=b", text));
  look(parse_batch_line(text, "/v1/completions"));
  look(read_batch(text));
  read_tool_calls(text);
  const auto body = parse_body(text);
  look(body);
  if (!body) return 0;
  look(parse_completion(*body));
  look(parse_chat(*body));
  look(parse_embedding(*body));
  look(parse_new_batch(*body));
  return 0;
}
