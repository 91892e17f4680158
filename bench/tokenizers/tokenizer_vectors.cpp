#include "tokenizers/tokenizer_vectors.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/file.h"
#include "base/text.h"
#include "inference/gguf.h"
#include "inference/gguf_tokenizer.h"

namespace galley::bench {
namespace {

constexpr std::int64_t kMaxFileBytes = 1 << 30;
constexpr std::string_view kSeparator = "\n__ggml_vocab_test__\n";
constexpr std::string_view kPrefix = "ggml-vocab-";

std::vector<std::string> texts_of(std::string_view file) {
  std::vector<std::string> texts;
  for (std::size_t end = file.find(kSeparator); end != std::string_view::npos;
       end = file.find(kSeparator)) {
    texts.emplace_back(file.substr(0, end));
    file.remove_prefix(end + kSeparator.size());
  }
  return texts;
}

std::vector<text::TokenId> ids_of(std::string_view line) {
  std::vector<text::TokenId> ids;
  for (const std::string_view word : split(line, ' ')) {
    text::TokenId id = -1;
    if (!word.empty() &&
        std::from_chars(word.data(), word.data() + word.size(), id).ec == std::errc())
      ids.push_back(id);
  }
  return ids;
}

Status add_cases(const std::filesystem::path& inputs, const std::filesystem::path& outputs,
                 std::vector<TokenizerCase>& cases) {
  GALLEY_TRY(const std::string input, read_file(inputs, kMaxFileBytes));
  GALLEY_TRY(std::string output, read_file(outputs, kMaxFileBytes));
  std::vector<std::string> texts = texts_of(input);
  if (output.ends_with('\n')) output.pop_back();
  const auto lines = split(output, '\n');
  if (lines.size() != texts.size())
    return Error{Errc::corrupt,
                 fmt::format("{} has {} lines for the {} texts of {}", outputs.string(),
                             lines.size(), texts.size(), inputs.string())};
  for (std::size_t i = 0; i < texts.size(); ++i)
    cases.push_back({std::move(texts[i]), ids_of(lines[i])});
  return ok();
}

std::filesystem::path with_suffix(std::filesystem::path path, const char* suffix) {
  path += suffix;
  return path;
}

Result<TokenizerVectors> read_vocabulary(const std::filesystem::path& path) {
  GALLEY_TRY(const std::string bytes, read_file(path, kMaxFileBytes));
  GALLEY_TRY(const auto file, inference::Gguf::parse(bytes));
  GALLEY_TRY(auto spec, inference::tokenizer_of(file));
  GALLEY_TRY(auto tokenizer, text::Tokenizer::create(std::move(spec)));
  std::string name = path.stem().string();
  if (name.starts_with(kPrefix)) name.erase(0, kPrefix.size());
  TokenizerVectors vectors{name, std::move(tokenizer), {}};
  GALLEY_TRY_STATUS(add_cases(with_suffix(path, ".inp"), with_suffix(path, ".out"), vectors.cases));
  const auto extra = path.parent_path() / fmt::format("extra-{}.out", name);
  if (std::filesystem::exists(extra))
    GALLEY_TRY_STATUS(add_cases(path.parent_path() / "extra.inp", extra, vectors.cases));
  return vectors;
}

}  // namespace

std::vector<const TokenizerCase*> TokenizerVectors::wrong() const {
  std::vector<const TokenizerCase*> found;
  for (const TokenizerCase& each : cases)
    if (tokenizer.encode(each.text, {.add_special = false}) != each.ids) found.push_back(&each);
  return found;
}

Result<std::vector<TokenizerVectors>> read_tokenizer_vectors(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().extension() == ".gguf" &&
        std::filesystem::exists(with_suffix(entry.path(), ".inp")))
      paths.push_back(entry.path());
  if (paths.empty())
    return Error{Errc::not_found,
                 fmt::format("no vocabulary X.gguf with X.gguf.inp in {}", folder.string()),
                 "data"};
  std::ranges::sort(paths);
  std::vector<TokenizerVectors> all;
  for (const auto& path : paths) {
    auto vectors = read_vocabulary(path);
    if (!vectors) {
      Error reason = std::move(vectors).error();
      reason.message.insert(0, path.filename().string() + ": ");
      return reason;
    }
    all.push_back(*std::move(vectors));
  }
  return all;
}

}  // namespace galley::bench
