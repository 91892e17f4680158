// The body of KServe v2's infer: as predict_fuzz, and the answer's shapes fit its data.
#include <cstdint>

#include "base/json.h"
#include "base/text.h"
#include "serving/predict_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto request = serving::parse_infer(body);
  if (!request) {
    GALLEY_CHECK(!request.error().message.empty(), "a refusal says why");
    GALLEY_CHECK(is_valid_utf8(describe(request.error())), "a refusal can be printed");
    return 0;
  }
  GALLEY_CHECK(!request->texts.empty() && request->texts.size() <= serving::ModelHost::kMaxTexts,
               "the number of texts is bounded");
  serving::Answer answer{.model = "m",
                         .snapshot_id = "s",
                         .snapshot_ref = "m@1",
                         .labels = std::make_shared<const std::vector<std::string>>(request->texts),
                         .predictions = {}};
  for (const auto& text : request->texts)
    answer.predictions.push_back({text, std::vector<float>(request->texts.size(), 0.5F)});
  const auto printed = parse_json(serving::print_infer(answer, "1", request->id));
  GALLEY_CHECK(printed, "answers are JSON");
  const auto& outputs = (*printed)["outputs"];
  GALLEY_CHECK(outputs[0]["data"] == Json(request->texts), "strings survive");
  GALLEY_CHECK(outputs[1]["data"].size() == request->texts.size() * request->texts.size(),
               "shapes fit");
  return 0;
}
