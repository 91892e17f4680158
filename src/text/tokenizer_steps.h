#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/tokenizer.h"

namespace galley::text {

/// A value of a JSON document, or the error of looking for it: absent members need no special care.
using JsonNode = simdjson::simdjson_result<simdjson::dom::element>;

inline JsonNode node_of(simdjson::dom::element element) { return JsonNode(std::move(element)); }

/// True for null and for what is not there.
bool is_absent(const JsonNode& node);
std::string_view string_or(const JsonNode& object, std::string_view name,
                           std::string_view otherwise);
bool bool_or(const JsonNode& object, std::string_view name, bool otherwise);

// The parts of a tokenizer.json around the model. Each reads an object, which may be absent, and
// whose "type" may be "Sequence", a list of further ones. Errors: unsupported, naming the type or
// the setting; corrupt.

/// What the normalizer and the pre-tokenizer amount to, before the kind of model is known.
struct TextSteps {
  bool nfc = false;
  bool marks_spaces = false;  // spaces become U+2581: SentencePiece's tokenizers
  bool byte_level = false;    // bytes are spelt in GPT-2's alphabet
  bool bert_words = false;    // BertPreTokenizer
  bool add_space_prefix = false;
  bool prefix_once = false;
  bool prefix_unless_space = false;
  bool merge_spaces = false;
  bool decomposes = false;  // NFD
  bool lower_case = false;
  bool strip_accents = false;
  std::string char_map;
  std::vector<std::string> regexes;  // of the splits, in order
};
Status read_normalizer(const JsonNode& normalizer, TextSteps& steps);
Status read_pre_tokenizer(const JsonNode& pre_tokenizer, TextSteps& steps);

/// The tokens that the post-processor sets around a text, by name; empty where there is none.
struct Template {
  std::string begin;
  std::string end;
};
Status read_post_processor(const JsonNode& post_processor, Template& around);

}  // namespace galley::text
