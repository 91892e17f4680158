#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galley::training {

/// The training and test file of one --data or --train argument.
struct DataFiles {
  std::filesystem::path train;
  std::optional<std::filesystem::path> test;  // absent when there is none to measure on
};

/// A file stands for itself. In a folder the first that exists of train.tsv and ratings_train.txt
/// is the training file, of test.tsv and ratings_test.txt the test file; each may be compressed
/// (.zst). Errors: not_found, naming what was looked for.
Result<DataFiles> find_data_files(const std::filesystem::path& file_or_folder);

/// Which columns of a TSV file hold the text and the label; empty means: by the usual names.
struct ColumnNames {
  std::string text;   // else the first of text, document, sentence, review, query
  std::string label;  // else the first of label, intent, class, category
};

/// Texts with their classes, read from a TSV file: one header line of column names, no quoting,
/// UTF-8.
class LabelledTexts {
 public:
  /// With `known_labels` (those of the training data) a label outside them is an error; otherwise
  /// the labels are those that occur, sorted. Rows whose text is empty are skipped and counted.
  /// Errors: not_found, too_large (past 4 GiB), corrupt (zstd), and invalid_argument with the line
  /// number: a missing column, a wrong number of fields, an empty label, invalid UTF-8, no rows, or
  /// fewer than two classes.
  static Result<LabelledTexts> read(const std::filesystem::path& path, const ColumnNames& columns,
                                    const std::vector<std::string>* known_labels = nullptr);
  /// The same for bytes already in memory; `name` is what errors call them.
  static Result<LabelledTexts> parse(std::string bytes, const std::string& name,
                                     const ColumnNames& columns,
                                     const std::vector<std::string>* known_labels = nullptr);

  std::size_t size() const { return rows_.size(); }
  /// A view into this object.
  std::string_view text(std::size_t i) const {
    return std::string_view(bytes_).substr(rows_[i].begin, rows_[i].size);
  }
  std::uint32_t label(std::size_t i) const { return rows_[i].label; }
  const std::vector<std::string>& labels() const { return labels_; }
  std::size_t skipped_empty() const { return skipped_empty_; }
  /// SHA-256 of the (decompressed) file.
  const std::string& sha256() const { return sha256_; }

 private:
  struct Row {
    std::uint64_t begin = 0;
    std::uint32_t size = 0;
    std::uint32_t label = 0;
  };
  friend class TsvReader;

  std::string bytes_;
  std::vector<Row> rows_;
  std::vector<std::string> labels_;
  std::size_t skipped_empty_ = 0;
  std::string sha256_;
};

/// True for the one text in so many that is held out: a function of its bytes alone, so equal texts
/// stay together and neither seed nor order moves the split.
bool is_held_out(std::string_view text, std::uint32_t one_in);

}  // namespace galley::training
