// The body of /v1/predict: what is accepted keeps its limits, and any text of it can be printed.
#include <cstdint>

#include "base/json.h"
#include "base/text.h"
#include "serving/predict_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto request = serving::parse_predict(body);
  if (!request) {
    GALLEY_CHECK(!request.error().message.empty(), "a refusal says why");
    GALLEY_CHECK(is_valid_utf8(describe(request.error())), "a refusal can be printed");
    return 0;
  }
  GALLEY_CHECK(!request->texts.empty() && request->texts.size() <= serving::ModelHost::kMaxTexts,
               "the number of texts is bounded");
  GALLEY_CHECK(!request->single || request->texts.size() == 1, "one text is one text");
  serving::Answer answer{.model = request->model,
                         .snapshot_id = "s",
                         .snapshot_ref = "m@1",
                         .labels = std::make_shared<const std::vector<std::string>>(1, "only"),
                         .predictions = {}};
  for (const auto& text : request->texts) {
    GALLEY_CHECK(is_valid_utf8(text) && text.size() <= serving::ModelHost::kMaxTextBytes,
                 "texts are valid and bounded");
    answer.predictions.push_back({text, {1.0F}});
  }
  const auto printed = parse_json(serving::print_predict(answer, 1, false));
  GALLEY_CHECK(printed && (*printed)["model"] == request->model, "answers are JSON");
  for (std::size_t i = 0; i < request->texts.size(); ++i)
    GALLEY_CHECK((*printed)["predictions"][i]["label"] == request->texts[i], "strings survive");
  return 0;
}
