#include "inference/classifier_card.h"

#include <limits>

#include "base/json.h"

namespace galley::inference {
namespace {

constexpr std::string_view kKind = "text-classifier";
constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kMaxLabels = 65'536;

Error corrupt(std::string message, std::string field) {
  return {Errc::corrupt, "model card: " + std::move(message), std::move(field)};
}

Result<const Json*> member(const Json& object, const std::string& name) {
  const auto found = object.find(name);
  if (found == object.end()) return corrupt("'" + name + "' is absent", name);
  return &*found;
}

Result<std::string> text_at(const Json& object, const std::string& name) {
  GALLEY_TRY(const Json* value, member(object, name));
  if (!value->is_string()) return corrupt("'" + name + "' is not a text", name);
  return value->get<std::string>();
}

Result<std::uint64_t> number_at(const Json& object, const std::string& name,
                                std::uint64_t largest = std::numeric_limits<std::uint64_t>::max()) {
  GALLEY_TRY(const Json* value, member(object, name));
  if (!value->is_number_unsigned() || value->get<std::uint64_t>() > largest)
    return corrupt("'" + name + "' is not a whole number up to " + std::to_string(largest), name);
  return value->get<std::uint64_t>();
}

Result<bool> flag_at(const Json& object, const std::string& name) {
  GALLEY_TRY(const Json* value, member(object, name));
  if (!value->is_boolean()) return corrupt("'" + name + "' is not true or false", name);
  return value->get<bool>();
}

Result<std::map<std::string, double>> figures_at(const Json& object, const std::string& name) {
  GALLEY_TRY(const Json* value, member(object, name));
  std::map<std::string, double> figures;
  if (!value->is_object()) return corrupt("'" + name + "' is not an object", name);
  for (const auto& [key, figure] : value->items()) {
    if (!figure.is_number())
      return corrupt("'" + name + "." + key + "' is not a number", name + "." + key);
    figures.emplace(key, figure.get<double>());
  }
  return figures;
}

Result<std::vector<std::string>> labels_at(const Json& object) {
  GALLEY_TRY(const Json* value, member(object, "labels"));
  if (!value->is_array() || value->size() < 2 || value->size() > kMaxLabels)
    return corrupt("'labels' is not a list of 2 to " + std::to_string(kMaxLabels) + " texts",
                   "labels");
  std::vector<std::string> labels;
  for (const Json& label : *value) {
    if (!label.is_string()) return corrupt("'labels' holds something else than texts", "labels");
    labels.push_back(label.get<std::string>());
  }
  return labels;
}

Result<text::NgramOptions> ngrams_at(const Json& object) {
  GALLEY_TRY(const Json* value, member(object, "ngrams"));
  if (!value->is_object()) return corrupt("'ngrams' is not an object", "ngrams");
  GALLEY_TRY(const std::string scheme, text_at(*value, "scheme"));
  if (scheme != text::kNgramScheme)
    return Error{Errc::unsupported, "the model reads texts by the scheme '" + scheme + "'",
                 "ngrams.scheme", std::string(text::kNgramScheme)};
  text::NgramOptions options;
  GALLEY_TRY(const auto char_min, number_at(*value, "char_min", text::kMaxNgram));
  GALLEY_TRY(const auto char_max, number_at(*value, "char_max", text::kMaxNgram));
  GALLEY_TRY(const auto word_max, number_at(*value, "word_max", text::kMaxNgram));
  GALLEY_TRY(const auto tail_chars, number_at(*value, "tail_chars", text::kMaxTail));
  GALLEY_TRY(options.fold_case, flag_at(*value, "fold_case"));
  options.char_min = static_cast<std::uint32_t>(char_min);
  options.char_max = static_cast<std::uint32_t>(char_max);
  options.word_max = static_cast<std::uint32_t>(word_max);
  options.tail_chars = static_cast<std::uint32_t>(tail_chars);
  if (const auto status = check(options); !status)
    return corrupt(status.error().message, "ngrams." + status.error().field);
  return options;
}

}  // namespace

Result<ClassifierCard> parse_classifier_card(std::string_view text) {
  const auto json = parse_json(text);
  if (!json) return corrupt(json.error().message, "");
  if (!json->is_object()) return corrupt("it is not a JSON object", "");
  GALLEY_TRY(const std::string kind, text_at(*json, "kind"));
  GALLEY_TRY(const std::uint64_t version, number_at(*json, "version"));
  if (kind != kKind || version != kVersion)
    return Error{Errc::unsupported,
                 "the model is a '" + kind + "' of version " + std::to_string(version), "kind",
                 std::string(kKind) + " of version " + std::to_string(kVersion)};
  ClassifierCard card;
  GALLEY_TRY(card.labels, labels_at(*json));
  GALLEY_TRY(card.ngrams, ngrams_at(*json));
  GALLEY_TRY(const auto buckets, number_at(*json, "buckets", UINT32_MAX));
  GALLEY_TRY(const auto dim, number_at(*json, "dim", UINT32_MAX));
  card.buckets = static_cast<std::uint32_t>(buckets);
  card.dim = static_cast<std::uint32_t>(dim);
  GALLEY_TRY(card.embedding_type, text_at(*json, "embedding_type"));
  GALLEY_TRY(card.weights_sha256, text_at(*json, "weights_sha256"));
  GALLEY_TRY(card.seed, number_at(*json, "seed"));
  GALLEY_TRY(card.finished, flag_at(*json, "finished"));
  GALLEY_TRY(card.created_by, text_at(*json, "created_by"));
  GALLEY_TRY(card.data_sha256, text_at(*json, "data_sha256"));
  GALLEY_TRY(card.training, figures_at(*json, "training"));
  GALLEY_TRY(card.metrics, figures_at(*json, "metrics"));
  return card;
}

std::string print_classifier_card(const ClassifierCard& card) {
  const Json json{{"kind", kKind},
                  {"version", kVersion},
                  {"labels", card.labels},
                  {"ngrams",
                   {{"scheme", text::kNgramScheme},
                    {"char_min", card.ngrams.char_min},
                    {"char_max", card.ngrams.char_max},
                    {"word_max", card.ngrams.word_max},
                    {"tail_chars", card.ngrams.tail_chars},
                    {"fold_case", card.ngrams.fold_case}}},
                  {"buckets", card.buckets},
                  {"dim", card.dim},
                  {"embedding_type", card.embedding_type},
                  {"weights_sha256", card.weights_sha256},
                  {"seed", card.seed},
                  {"finished", card.finished},
                  {"created_by", card.created_by},
                  {"data_sha256", card.data_sha256},
                  {"training", card.training},
                  {"metrics", card.metrics}};
  return dump_json(json, 2) + "\n";
}

}  // namespace galley::inference
