#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>

#include "base/text.h"
#include "body_reader.h"
#include "serving/predict_json.h"

namespace galley::serving {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kInput = "inputs[0]";
constexpr std::size_t kMaxShown = 64;

std::string at(std::string_view field) { return fmt::format("{}.{}", kInput, field); }

/// The value of a field, absent, or the error of one that appears twice: clients would differ in
/// which of the two they meant.
Result<std::optional<JsonElement>> find_once(dom::object object, std::string_view field,
                                             std::string_view path) {
  std::optional<JsonElement> found;
  for (const auto [key, value] : object) {
    if (key != field) continue;
    if (found) return Error{Errc::invalid_argument, "the field appears twice", std::string(path)};
    found = value;
  }
  return found;
}

Result<JsonElement> require(dom::object object, std::string_view field, std::string_view path,
                            std::string expected) {
  GALLEY_TRY(const auto found, find_once(object, field, path));
  if (!found) return missing_field(path, std::move(expected));
  return *found;
}

Status expect_word(dom::object input, std::string_view field, std::string_view word) {
  const std::string path = at(field);
  GALLEY_TRY(const auto value, require(input, field, path, fmt::format("\"{}\"", word)));
  std::string_view text;
  if (value.get(text)) return wrong_value(path, name_value(value), fmt::format("\"{}\"", word));
  if (text == word) return ok();
  return wrong_value(path, fmt::format("\"{}\"", to_valid_utf8(text.substr(0, kMaxShown))),
                     fmt::format("\"{}\"", word));
}

struct Shape {
  std::size_t count = 0;
  bool is_column = false;  // [n,1]
};

Result<Shape> read_shape(dom::object input) {
  const std::string path = at("shape");
  const std::string expected = "[n] or [n,1]";
  GALLEY_TRY(const auto value, require(input, "shape", path, expected));
  dom::array list;
  if (value.get(list)) return wrong_value(path, name_value(value), expected);
  if (list.size() != 1 && list.size() != 2)
    return wrong_value(path, fmt::format("{} dimensions", list.size()), expected);
  std::vector<std::uint64_t> sizes;
  for (const JsonElement one : list) {
    std::uint64_t size = 0;
    if (one.get(size)) return wrong_value(path, name_value(one) + " as a dimension", expected);
    sizes.push_back(size);
  }
  if (sizes.size() == 2 && sizes[1] != 1)
    return wrong_value(path, fmt::format("[{}]", fmt::join(sizes, ",")), expected);
  GALLEY_TRY_STATUS(check_count(path, sizes[0]));
  return Shape{.count = sizes[0], .is_column = sizes.size() == 2};
}

Status read_data(dom::object input, const Shape& shape, std::vector<std::string>& out) {
  const std::string path = at("data");
  GALLEY_TRY(const auto value,
             require(input, "data", path, "a list of texts; binary tensor data is not supported"));
  dom::array list;
  if (value.get(list)) return wrong_value(path, name_value(value), "a list of texts");
  if (list.size() != shape.count)
    return wrong_value(path, fmt::format("{} entries", list.size()),
                       fmt::format("{}, as the shape says", shape.count));
  out.reserve(shape.count);
  for (const JsonElement one : list) {
    const auto name = [&] { return fmt::format("{}[{}]", path, out.size()); };
    JsonElement text = one;
    if (dom::array row; shape.is_column && !one.get(row)) {
      if (row.size() != 1)
        return wrong_value(name(), fmt::format("a list of {}", row.size()), "a list of one text");
      text = *row.begin();
    }
    GALLEY_TRY(const auto bytes, read_text(text, name));
    out.emplace_back(bytes);
  }
  return ok();
}

Result<dom::object> read_input(dom::object body) {
  const std::string expected = "a list of one input, named \"text\"";
  GALLEY_TRY(const auto value, require(body, "inputs", "inputs", expected));
  dom::array list;
  if (value.get(list)) return wrong_value("inputs", name_value(value), expected);
  if (list.size() != 1)
    return wrong_value("inputs", fmt::format("{} inputs", list.size()), expected);
  const JsonElement first = *list.begin();
  dom::object input;
  if (first.get(input)) return wrong_value(kInput, name_value(first), "an object");
  return input;
}

Result<InferRequest> read_infer(dom::object body) {
  InferRequest request;
  GALLEY_TRY(const auto id, find_once(body, "id", "id"));
  if (id) {
    GALLEY_TRY(const auto text, read_text(*id, [] { return "id"; }));
    request.id = text;
  }
  GALLEY_TRY(const auto input, read_input(body));
  GALLEY_TRY_STATUS(expect_word(input, "name", "text"));
  GALLEY_TRY_STATUS(expect_word(input, "datatype", "BYTES"));
  GALLEY_TRY(const auto shape, read_shape(input));
  GALLEY_TRY_STATUS(read_data(input, shape, request.texts));
  return request;
}

}  // namespace

Result<InferRequest> parse_infer(std::string_view body) { return read_body(body, read_infer); }

}  // namespace galley::serving
