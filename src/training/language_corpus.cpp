#include "training/language_corpus.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "text_file.h"

namespace galley::training {
namespace {

constexpr std::int64_t kMaxTextBytes = std::int64_t{1} << 30U;
constexpr std::size_t kValidationShare = 20;  // one line in so many
constexpr std::size_t kFewestLines = 40;
constexpr std::array<std::string_view, 2> kEndings{".txt", ".txt.zst"};

Error refuse_text(const std::string& name, const std::string& reason) {
  return {Errc::invalid_argument, name + " " + reason, "data"};
}

void unify_line_ends(std::string& bytes) {
  std::size_t out = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    if (bytes[i] != '\r' || i + 1 == bytes.size() || bytes[i + 1] != '\n') bytes[out++] = bytes[i];
  bytes.resize(out);
  if (!bytes.empty() && bytes.back() != '\n') bytes += '\n';
}

/// Where the line after the first `lines` lines begins.
std::size_t skip_lines(std::string_view text, std::size_t lines) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < lines; ++i) at = text.find('\n', at) + 1;
  return at;
}

std::size_t line_of_invalid_utf8(std::string_view text) {
  std::size_t line = 1;
  for (const std::string_view part : split(text, '\n')) {
    if (!is_valid_utf8(part)) return line;
    ++line;
  }
  return line;
}

std::string name_of(const std::filesystem::path& path) {
  std::string name = path.filename().string();
  for (const std::string_view ending : {".zst", ".txt"})
    if (name.size() > ending.size() && name.ends_with(ending))
      name.resize(name.size() - ending.size());
  return name;
}

}  // namespace

Result<LanguageText> cut_language_text(std::string bytes, const std::string& name) {
  unify_line_ends(bytes);
  if (!is_valid_utf8(bytes))
    return refuse_text(name + ":" + std::to_string(line_of_invalid_utf8(bytes)),
                       "is not valid UTF-8");
  const auto lines = static_cast<std::size_t>(std::ranges::count(bytes, '\n'));
  if (lines < kFewestLines)
    return refuse_text(name, "has " + std::to_string(lines) + " lines; a training needs " +
                                 std::to_string(kFewestLines) + " to hold some of them out");
  LanguageText text;
  text.name = name;
  text.lines = bytes.find("\n\n") == std::string::npos;
  const std::size_t cut = skip_lines(bytes, lines - lines / kValidationShare);
  text.validation = bytes.substr(cut);
  bytes.resize(cut);
  text.train = std::move(bytes);
  return text;
}

Result<LanguageText> read_language_text(const std::filesystem::path& path) {
  GALLEY_TRY(std::string bytes, read_text_file(path, kMaxTextBytes));
  GALLEY_TRY(auto text, cut_language_text(std::move(bytes), path.string()));
  text.name = name_of(path);
  return text;
}

Result<std::vector<std::filesystem::path>> find_language_files(
    std::span<const std::filesystem::path> files_or_folders) {
  std::vector<std::filesystem::path> files;
  for (const auto& path : files_or_folders) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    const std::size_t before = files.size();
    for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
      const std::string name = entry.path().filename().string();
      const auto fits = [&](std::string_view ending) { return name.ends_with(ending); };
      if (std::ranges::any_of(kEndings, fits)) files.push_back(entry.path());
    }
    if (files.size() == before)
      return Error{Errc::not_found, path.string() + " holds no *.txt or *.txt.zst file"};
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(before), files.end());
  }
  return files;
}

Result<text::TokenizerSpec> train_vocabulary(std::span<const LanguageText> texts,
                                             std::uint32_t size) {
  std::vector<std::string_view> parts;
  for (const LanguageText& text : texts) parts.push_back(text.train);
  const std::string control(kEndOfText);
  GALLEY_TRY(auto spec, text::train_byte_bpe(parts, size, std::span(&control, 1)));
  for (std::size_t id = 0; id < spec.tokens.size(); ++id)
    if (spec.tokens[id].text == kEndOfText) spec.bos = spec.eos = static_cast<text::TokenId>(id);
  spec.add_bos = true;
  return spec;
}

std::vector<text::TokenId> encode_documents(const text::Tokenizer& tokenizer, std::string_view text,
                                            bool lines) {
  const auto end = tokenizer.find(kEndOfText);
  GALLEY_CHECK(end.has_value(), "the vocabulary was trained with its end-of-text token");
  const text::Tokenizer::EncodeOptions plain{.add_special = false, .parse_special = false};
  std::vector<text::TokenId> ids{*end};
  const auto add = [&](std::string_view document) {
    if (document.empty()) return;
    const auto part = tokenizer.encode(document, plain);
    ids.insert(ids.end(), part.begin(), part.end());
    ids.push_back(*end);
  };
  if (lines)
    for (const std::string_view line : split(text, '\n')) add(line);
  else
    add(text);
  return ids;
}

}  // namespace galley::training
