#include "profiling/evaluation_set.h"

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/text.h"

namespace galley::profiling {
namespace {

constexpr std::size_t kMostItems = 100'000;
constexpr std::size_t kMostChoices = 64;
constexpr std::array<std::string_view, 3> kFields{"prompt", "choices", "answer"};

Error fault(const std::string& place, const std::string& what, std::string field,
            std::string expected) {
  return {.code = Errc::invalid_argument,
          .message = place + ": " + what,
          .field = std::move(field),
          .expected = std::move(expected)};
}

Status read_choices(const Json& object, const std::string& place, EvaluationItem& item) {
  const auto choices = object.find("choices");
  if (choices == object.end()) return ok();
  const char* expected = "a list of 2 to 64 different texts";
  if (!choices->is_array() || choices->size() < 2 || choices->size() > kMostChoices)
    return fault(place, "the choices are no list of at least two", "choices", expected);
  for (const Json& choice : *choices) {
    if (!choice.is_string() || choice.get_ref<const std::string&>().empty())
      return fault(place, "a choice is no text", "choices", expected);
    if (std::ranges::find(item.choices, choice.get<std::string>()) != item.choices.end())
      return fault(place, "two choices are the same", "choices", expected);
    item.choices.push_back(choice.get<std::string>());
  }
  return ok();
}

Status read_answer(const Json& object, const std::string& place, EvaluationItem& item) {
  const auto answer = object.find("answer");
  const char* expected =
      item.choices.empty() ? "a text that is not empty" : "one of the choices, or its index from 0";
  if (answer == object.end() || answer->is_null())
    return fault(place, "the answer is missing", "answer", expected);
  if (answer->is_number_unsigned() && !item.choices.empty()) {
    const auto index = answer->get<std::uint64_t>();
    if (index >= item.choices.size())
      return fault(place,
                   "answer " + std::to_string(index) + " of " +
                       std::to_string(item.choices.size()) + " choices",
                   "answer", expected);
    item.answer = item.choices[index];
    return ok();
  }
  if (!answer->is_string() || trim(answer->get_ref<const std::string&>()).empty())
    return fault(place, "the answer is no text", "answer", expected);
  item.answer = answer->get<std::string>();
  if (!item.choices.empty() && std::ranges::find(item.choices, item.answer) == item.choices.end())
    return fault(place, "the answer is none of the choices", "answer", expected);
  return ok();
}

Result<EvaluationItem> read_item(std::string_view line, const std::string& place) {
  const auto object = parse_json(line);
  if (!object) return fault(place, object.error().message, {}, "a JSON object");
  if (!object->is_object()) return fault(place, "the line is no object", {}, "a JSON object");
  for (const auto& [name, value] : object->items())
    if (std::ranges::find(kFields, name) == kFields.end())
      return fault(place, "unknown field", name, "prompt, choices and answer");
  EvaluationItem item;
  const auto prompt = object->find("prompt");
  if (prompt == object->end() || !prompt->is_string() ||
      prompt->get_ref<const std::string&>().empty())
    return fault(place, "the prompt is missing", "prompt", "a text that is not empty");
  item.prompt = prompt->get<std::string>();
  GALLEY_TRY_STATUS(read_choices(*object, place, item));
  GALLEY_TRY_STATUS(read_answer(*object, place, item));
  return item;
}

}  // namespace

Result<std::vector<EvaluationItem>> parse_evaluation_set(std::string_view name,
                                                         std::string_view jsonl) {
  std::vector<EvaluationItem> items;
  std::size_t number = 0;
  for (const std::string_view line : split(jsonl, '\n')) {
    ++number;
    if (trim(line).empty()) continue;
    const std::string place = std::string(name) + ":" + std::to_string(number);
    if (items.size() == kMostItems)
      return Error{Errc::too_large, place + ": the set has more than 100,000 questions"};
    GALLEY_TRY(EvaluationItem item, read_item(line, place));
    items.push_back(std::move(item));
  }
  if (items.empty())
    return Error{Errc::invalid_argument,
                 std::string(name) + " has no questions",
                 {},
                 "lines of {\"prompt\", \"answer\"}"};
  return items;
}

}  // namespace galley::profiling
