#include <array>
#include <optional>

#include "body_reader.h"
#include "serving/predict_json.h"

namespace galley::serving {
namespace {

constexpr std::array<std::string_view, 3> kFields{"model", "text", "texts"};

struct Given {
  std::array<std::optional<JsonElement>, kFields.size()> values;
  const std::optional<JsonElement>& model() const { return values[0]; }
  const std::optional<JsonElement>& text() const { return values[1]; }
  const std::optional<JsonElement>& texts() const { return values[2]; }
};

Result<Given> take_fields(simdjson::dom::object body) {
  Given given;
  for (const auto [key, value] : body) {
    const auto* const found = std::ranges::find(kFields, key);
    if (found == kFields.end()) return unknown_field(key, kFields);
    auto& place = given.values[static_cast<std::size_t>(found - kFields.begin())];
    if (place) return Error{Errc::invalid_argument, "the field appears twice", std::string(key)};
    place = value;
  }
  return given;
}

Status read_texts(const JsonElement& value, std::vector<std::string>& out) {
  simdjson::dom::array list;
  if (value.get(list)) return wrong_value("texts", name_value(value), "a list of texts");
  GALLEY_TRY_STATUS(check_count("texts", list.size()));
  out.reserve(list.size());
  for (const JsonElement one : list) {
    GALLEY_TRY(const auto text,
               read_text(one, [&] { return "texts[" + std::to_string(out.size()) + "]"; }));
    out.emplace_back(text);
  }
  return ok();
}

Result<PredictRequest> read_predict(simdjson::dom::object body) {
  GALLEY_TRY(const Given given, take_fields(body));
  if (!given.model()) return missing_field("model", "model, model:channel or model@version");
  if (given.text() && given.texts())
    return Error{Errc::invalid_argument, "text and texts are both given", "texts",
                 "text for one, or texts for several"};
  if (!given.text() && !given.texts())
    return missing_field("text", "a text, or texts with a list of them");

  PredictRequest request;
  GALLEY_TRY(const auto model, read_text(*given.model(), [] { return "model"; }));
  request.model = model;
  if (given.texts()) {
    GALLEY_TRY_STATUS(read_texts(*given.texts(), request.texts));
    return request;
  }
  GALLEY_TRY(const auto text, read_text(*given.text(), [] { return "text"; }));
  request.texts.emplace_back(text);
  request.single = true;
  return request;
}

}  // namespace

Result<PredictRequest> parse_predict(std::string_view body) {
  return read_body(body, read_predict);
}

}  // namespace galley::serving
