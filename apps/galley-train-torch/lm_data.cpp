#include "lm_data.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"

using galley::Errc;
using galley::Error;
using galley::Result;
using galley::training::encode_documents;
using galley::training::LanguageText;

namespace {

/// Lower-case letters, digits and "_"; a number behind it where another has the same.
std::string metric_name(const std::string& name, const std::vector<LmData::Part>& others) {
  std::string plain;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    plain += std::isalnum(byte) != 0 ? static_cast<char>(std::tolower(byte)) : '_';
  }
  std::string unique = plain;
  const auto taken = [&](const LmData::Part& part) { return part.name == unique; };
  for (int i = 2; std::ranges::any_of(others, taken); ++i) unique = plain + std::to_string(i);
  return unique;
}

}  // namespace

Result<LmData> load_lm_data(std::span<const std::filesystem::path> data, std::uint32_t vocabulary,
                            std::uint32_t context) {
  GALLEY_TRY(const auto files, galley::training::find_language_files(data));
  std::vector<LanguageText> texts;
  LmData result;
  for (const auto& file : files) {
    GALLEY_TRY(auto text, galley::training::read_language_text(file));
    result.sha256 = galley::sha256_hex(result.sha256 + galley::sha256_hex(text.train) +
                                       galley::sha256_hex(text.validation));
    texts.push_back(std::move(text));
  }
  GALLEY_TRY(result.tokenizer, galley::training::train_vocabulary(texts, vocabulary));
  GALLEY_TRY(const auto tokenizer, galley::text::Tokenizer::create(result.tokenizer));
  for (LanguageText& text : texts) {
    const auto train = encode_documents(tokenizer, text.train, text.lines);
    result.train.insert(result.train.end(), train.begin(), train.end());
    LmData::Part part;
    part.name = metric_name(text.name, result.parts);
    part.validation = encode_documents(tokenizer, text.validation, text.lines);
    part.validation_text = std::move(text.validation);
    result.parts.push_back(std::move(part));
  }
  if (result.train.size() < std::size_t{context} * 4)
    return Error{Errc::invalid_argument,
                 "the texts are " + std::to_string(result.train.size()) +
                     " tokens, too few to train with a context of " + std::to_string(context),
                 "data"};
  return result;
}
