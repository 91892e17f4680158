#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer.h"

namespace galley::training {

/// The control token between documents; it begins a generation and ends one.
inline constexpr std::string_view kEndOfText = "<|endoftext|>";

/// One file of a language model's texts. A file with blank lines is one running text (a play, a
/// book); in any other every line is a document of its own (a review, a message). The last
/// twentieth of the lines is never trained on.
struct LanguageText {
  std::string name;    // the file's, without folders and endings; "text" is made of "text.txt.zst"
  bool lines = false;  // every line is a document
  std::string train;
  std::string validation;
};

/// Reads a text, plain or compressed with zstd; "\r\n" becomes "\n".
/// Errors: those of reading; too_large (past 1 GiB); invalid_argument: not UTF-8 (with the line),
/// or fewer than 40 lines, of which the validation would have none.
Result<LanguageText> read_language_text(const std::filesystem::path& path);
/// The same for bytes in memory.
Result<LanguageText> cut_language_text(std::string bytes, const std::string& name);

/// For a folder: its *.txt and *.txt.zst files, sorted; a file stands for itself.
/// Errors: not_found, naming what was looked for.
Result<std::vector<std::filesystem::path>> find_language_files(
    std::span<const std::filesystem::path> files_or_folders);

/// A byte-level BPE vocabulary of the texts' training parts, ready for Tokenizer::create.
Result<text::TokenizerSpec> train_vocabulary(std::span<const LanguageText> texts,
                                             std::uint32_t size);

/// The text as ids: every document begins with the end-of-text token, and the last one ends with
/// it.
std::vector<text::TokenId> encode_documents(const text::Tokenizer& tokenizer, std::string_view text,
                                            bool lines);

}  // namespace galley::training
