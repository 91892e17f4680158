#include "training/labelled_texts.h"

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <utility>

#include "base/text.h"
#include "text_file.h"

namespace galley::training {
namespace {

constexpr std::int64_t kMaxDataBytes = std::int64_t{4} << 30;
constexpr std::size_t kMaxLabels = 65'536;
constexpr std::array<std::string_view, 5> kTextNames{"text", "document", "sentence", "review",
                                                     "query"};
constexpr std::array<std::string_view, 4> kLabelNames{"label", "intent", "class", "category"};
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::optional<std::filesystem::path> first_existing(const std::filesystem::path& folder,
                                                    const std::vector<std::string>& names) {
  for (const std::string& name : names)
    for (const std::string_view suffix : {"", ".zst"}) {
      std::error_code ignored;
      auto path = folder / (name + std::string(suffix));
      if (std::filesystem::is_regular_file(path, ignored)) return path;
    }
  return std::nullopt;
}

std::string join(std::span<const std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

/// Position of the wanted column, or of the first usual name when none is wanted.
Result<std::size_t> find_column(const std::vector<std::string_view>& header,
                                const std::string& wanted, std::span<const std::string_view> usual,
                                const std::string& where, const std::string& flag) {
  std::vector<std::string_view> names(usual.begin(), usual.end());
  if (!wanted.empty()) names = {wanted};
  for (const std::string_view name : names) {
    const auto found = std::ranges::find(header, name);
    if (found != header.end()) return static_cast<std::size_t>(found - header.begin());
  }
  return Error{Errc::invalid_argument,
               where + ": no column is called " + join(names) + "; the header has " + join(header),
               flag, "a tab-separated header line", "name the column with --" + flag};
}

}  // namespace

Result<DataFiles> find_data_files(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    return Error{Errc::not_found, path.string() + " does not exist"};
  if (!std::filesystem::is_directory(path, ignored)) return DataFiles{path, std::nullopt};
  const auto train = first_existing(path, {"train.tsv", "ratings_train.txt", "ratings_train.tsv"});
  if (!train)
    return Error{
        Errc::not_found,
        path.string() + " holds neither train.tsv nor ratings_train.txt (nor either .zst)"};
  return DataFiles{*train,
                   first_existing(path, {"test.tsv", "ratings_test.txt", "ratings_test.tsv"})};
}

bool is_held_out(std::string_view text, std::uint32_t one_in) {
  std::uint64_t hash = 0xCBF29CE484222325U;  // FNV-1a, then one round of mixing
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3U;
  hash = (hash ^ hash >> 32U) * 0xD6E8FEB86659FD93U;
  return (hash >> 32U) % one_in == 0;
}

/// Walks the lines of one file. A class, so that its position is known to every message.
class TsvReader {
 public:
  TsvReader(LabelledTexts& into, const std::string& name) : into_(into), name_(name) {}

  Status read(const ColumnNames& columns, const std::vector<std::string>* known_labels) {
    GALLEY_TRY_STATUS(read_header(columns));
    if (known_labels != nullptr)
      for (const std::string& label : *known_labels) id_of(label);
    known_only_ = known_labels != nullptr;
    std::string_view line;
    while (next_line(line)) GALLEY_TRY_STATUS(read_row(line));
    if (into_.rows_.empty())
      return Error{Errc::invalid_argument, name_ + " holds no rows with a text"};
    finish_labels(known_labels);
    if (into_.labels_.size() < 2)
      return Error{Errc::invalid_argument, name_ + " holds one class only ('" + into_.labels_[0] +
                                               "'); a classifier needs two"};
    return ok();
  }

 private:
  std::string where() const { return name_ + ":" + std::to_string(line_number_); }

  bool next_line(std::string_view& line) {
    const std::string_view bytes = into_.bytes_;
    if (at_ >= bytes.size()) return false;
    const std::size_t end = std::min(bytes.find('\n', at_), bytes.size());
    line = bytes.substr(at_, end - at_);
    if (line.ends_with('\r')) line.remove_suffix(1);
    at_ = end + 1;
    ++line_number_;
    return true;
  }

  Status read_header(const ColumnNames& columns) {
    if (into_.bytes_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
    std::string_view line;
    if (!next_line(line)) return Error{Errc::invalid_argument, name_ + " is empty"};
    if (!is_valid_utf8(line))
      return Error{Errc::invalid_argument, where() + ": the header is not valid UTF-8"};
    const auto header = split(line, '\t');
    column_count_ = header.size();
    GALLEY_TRY(text_column_, find_column(header, columns.text, kTextNames, where(), "text-column"));
    GALLEY_TRY(label_column_,
               find_column(header, columns.label, kLabelNames, where(), "label-column"));
    return ok();
  }

  Status read_row(std::string_view line) {
    if (line.empty() && at_ >= into_.bytes_.size()) return ok();  // a final blank line
    std::size_t fields = 0;
    std::string_view text;
    std::string_view label;
    for (std::size_t from = 0; from <= line.size(); ++fields) {
      const std::size_t end = std::min(line.find('\t', from), line.size());
      if (fields == text_column_) text = line.substr(from, end - from);
      if (fields == label_column_) label = line.substr(from, end - from);
      from = end + 1;
    }
    if (fields != column_count_)
      return Error{Errc::invalid_argument, where() + ": the line has " + std::to_string(fields) +
                                               " tab-separated fields, the header has " +
                                               std::to_string(column_count_)};
    if (!is_valid_utf8(text) || !is_valid_utf8(label))
      return Error{Errc::invalid_argument, where() + ": the text or label is not valid UTF-8"};
    if (label.empty()) return Error{Errc::invalid_argument, where() + ": the label is empty"};
    if (trim(text).empty()) {
      ++into_.skipped_empty_;
      return ok();
    }
    GALLEY_TRY(const std::uint32_t id, checked_id_of(label));
    into_.rows_.push_back({static_cast<std::uint64_t>(text.data() - into_.bytes_.data()),
                           static_cast<std::uint32_t>(text.size()), id});
    return ok();
  }

  std::uint32_t id_of(std::string_view label) {
    const auto next = static_cast<std::uint32_t>(ids_.size());
    const auto found = ids_.find(label);
    return found != ids_.end() ? found->second : ids_.emplace(label, next).first->second;
  }

  Result<std::uint32_t> checked_id_of(std::string_view label) {
    if (ids_.contains(label)) return ids_.find(label)->second;
    if (known_only_)
      return Error{Errc::invalid_argument, where() + ": the label '" + std::string(label) +
                                               "' does not occur in the training data"};
    if (ids_.size() == kMaxLabels)
      return Error{Errc::invalid_argument,
                   where() + ": more than " + std::to_string(kMaxLabels) +
                       " different labels; is this the right label column?"};
    return id_of(label);
  }

  /// Ids so far are in order of appearance; without known labels they become sorted ones, so that a
  /// model does not depend on the order of the rows.
  void finish_labels(const std::vector<std::string>* known_labels) {
    if (known_labels != nullptr) {
      into_.labels_ = *known_labels;
      return;
    }
    std::vector<std::uint32_t> sorted_id(ids_.size());
    for (const auto& [label, id] : ids_) {
      sorted_id[id] = static_cast<std::uint32_t>(into_.labels_.size());
      into_.labels_.push_back(label);
    }
    for (auto& row : into_.rows_) row.label = sorted_id[row.label];
  }

  LabelledTexts& into_;
  const std::string& name_;
  std::map<std::string, std::uint32_t, std::less<>> ids_;
  std::size_t at_ = 0;
  std::size_t line_number_ = 0;
  std::size_t column_count_ = 0;
  std::size_t text_column_ = 0;
  std::size_t label_column_ = 0;
  bool known_only_ = false;
};

Result<LabelledTexts> LabelledTexts::parse(std::string bytes, const std::string& name,
                                           const ColumnNames& columns,
                                           const std::vector<std::string>* known_labels) {
  LabelledTexts texts;
  texts.bytes_ = std::move(bytes);
  GALLEY_TRY_STATUS(TsvReader(texts, name).read(columns, known_labels));
  texts.sha256_ = sha256_hex(texts.bytes_);
  return texts;
}

Result<LabelledTexts> LabelledTexts::read(const std::filesystem::path& path,
                                          const ColumnNames& columns,
                                          const std::vector<std::string>* known_labels) {
  GALLEY_TRY(std::string bytes, read_text_file(path, kMaxDataBytes));
  return parse(std::move(bytes), path.string(), columns, known_labels);
}

}  // namespace galley::training
