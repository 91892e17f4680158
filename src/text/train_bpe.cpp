#include <fmt/format.h>

#include <algorithm>
#include <queue>
#include <unordered_map>

#include "byte_alphabet.h"
#include "pre_tokenizer.h"
#include "text/tokenizer.h"
#include "utf8.h"

namespace galley::text {
namespace {

constexpr std::string_view kSplit = "gpt-2";
constexpr std::size_t kBytes = 256;

/// The distinct pieces of the texts as symbols, one behind the other, and how often each occurs.
struct Words {
  struct Word {
    std::size_t begin;
    std::size_t size;
    std::int64_t count;
  };
  std::vector<TokenId> symbols;
  std::vector<Word> words;
};

using Pair = std::uint64_t;  // left symbol in the high half
Pair pair_of(TokenId left, TokenId right) {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

/// In the order of their bytes, so that nothing depends on a hash.
Words count_words(std::span<const std::string_view> texts, const PreTokenizer& pre_tokenizer) {
  std::unordered_map<std::string, std::int64_t> counts;
  std::vector<std::size_t> ends;
  std::string repaired, key;
  for (const std::string_view raw : texts) {
    const std::string_view text = well_formed(raw, repaired);
    ends.clear();
    pre_tokenizer.split(text, ends);
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
      key = text.substr(begin, end - begin);
      ++counts[key];
      begin = end;
    }
  }
  std::vector<std::pair<std::string, std::int64_t>> sorted(counts.begin(), counts.end());
  std::ranges::sort(sorted);
  Words words;
  words.words.reserve(sorted.size());
  for (const auto& [piece, count] : sorted) {
    words.words.push_back({words.symbols.size(), piece.size(), count});
    for (const char c : piece) words.symbols.push_back(static_cast<unsigned char>(c));
  }
  return words;
}

/// How often each pair of neighbours occurs, kept up to date as symbols merge: a merge looks only
/// at the words that hold the pair.
class PairCounts {
 public:
  explicit PairCounts(Words words)
      : symbols_(std::move(words.symbols)), words_(std::move(words.words)) {
    for (std::uint32_t index = 0; index < words_.size(); ++index) {
      const Words::Word& word = words_[index];
      const TokenId* const symbols = symbols_.data() + word.begin;
      for (std::size_t i = 0; i + 1 < word.size; ++i)
        add(pair_of(symbols[i], symbols[i + 1]), word.count, index);
    }
    for (auto& [pair, entry] : pairs_) queue(pair, entry);
  }

  /// The most frequent pair, of equal ones the lowest; nothing where none occurs twice.
  std::optional<Pair> best() {
    while (!queue_.empty()) {
      const Candidate top = queue_.top();
      queue_.pop();
      const auto found = pairs_.find(top.pair);
      if (found == pairs_.end() || found->second.queued != top.count) continue;
      if (found->second.count == top.count)
        return top.count > 1 ? std::optional(top.pair) : std::nullopt;
      queue(top.pair, found->second);  // it fell since
    }
    return std::nullopt;
  }

  void merge(Pair pair, TokenId merged) {
    const auto left = static_cast<TokenId>(pair >> 32);
    const auto right = static_cast<TokenId>(pair & UINT32_MAX);
    std::vector<std::uint32_t> holders = std::move(pairs_[pair].words);
    std::ranges::sort(holders);
    holders.erase(std::ranges::unique(holders).begin(), holders.end());
    for (const std::uint32_t index : holders) merge_word(index, left, right, merged);
    pairs_.erase(pair);
    std::ranges::sort(grown_);
    grown_.erase(std::ranges::unique(grown_).begin(), grown_.end());
    for (const Pair grown : grown_) queue(grown, pairs_[grown]);
    grown_.clear();
  }

 private:
  struct Entry {
    std::int64_t count = 0;
    std::int64_t queued = 0;           // the count of the candidate that counts; others are stale
    std::vector<std::uint32_t> words;  // that held the pair at some time; may name one twice
  };
  struct Candidate {
    std::int64_t count;
    Pair pair;
    bool operator<(const Candidate& other) const {
      return count != other.count ? count < other.count : pair > other.pair;
    }
  };

  void queue(Pair pair, Entry& entry) {
    entry.queued = entry.count;
    queue_.push({entry.count, pair});
  }

  void add(Pair pair, std::int64_t count, std::uint32_t word) {
    Entry& entry = pairs_[pair];
    entry.count += count;
    if (entry.words.empty() || entry.words.back() != word) entry.words.push_back(word);
  }

  void merge_word(std::uint32_t index, TokenId left, TokenId right, TokenId merged) {
    Words::Word& word = words_[index];
    TokenId* const symbols = symbols_.data() + word.begin;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < word.size; ++i) {
      if (i + 1 == word.size || symbols[i] != left || symbols[i + 1] != right) {
        symbols[kept++] = symbols[i];
        continue;
      }
      if (kept > 0) replace(symbols[kept - 1], left, symbols[kept - 1], merged, index);
      if (i + 2 < word.size) replace(right, symbols[i + 2], merged, symbols[i + 2], index);
      symbols[kept++] = merged;
      ++i;
    }
    word.size = kept;
  }

  /// One occurrence of a pair becomes one of another.
  void replace(TokenId old_left, TokenId old_right, TokenId new_left, TokenId new_right,
               std::uint32_t index) {
    const std::int64_t count = words_[index].count;
    pairs_[pair_of(old_left, old_right)].count -= count;
    const Pair grown = pair_of(new_left, new_right);
    add(grown, count, index);
    if (grown_.empty() || grown_.back() != grown) grown_.push_back(grown);
  }

  std::vector<TokenId> symbols_;
  std::vector<Words::Word> words_;
  std::unordered_map<Pair, Entry> pairs_;
  std::priority_queue<Candidate> queue_;
  std::vector<Pair> grown_;
};

Status check(std::size_t size, std::span<const std::string> control) {
  if (size < kBytes + control.size() || size > (1U << 24))
    return Error{Errc::invalid_argument,
                 fmt::format("a vocabulary of {} tokens has no room for {} bytes and {} control "
                             "tokens, or is too large",
                             size, kBytes, control.size()),
                 "size", fmt::format("{} to {}", kBytes + control.size(), 1U << 24)};
  for (std::size_t i = 0; i < control.size(); ++i)
    if (control[i].empty() || std::ranges::count(control, control[i]) > 1)
      return Error{Errc::invalid_argument,
                   fmt::format("control token {}, '{}', is empty or there twice", i, control[i]),
                   "control"};
  return ok();
}

}  // namespace

Result<TokenizerSpec> train_byte_bpe(std::span<const std::string_view> texts, std::size_t size,
                                     std::span<const std::string> control) {
  GALLEY_TRY_STATUS(check(size, control));
  GALLEY_TRY(const auto pre_tokenizer, PreTokenizer::find(kSplit));
  TokenizerSpec spec;
  spec.kind = TokenizerKind::byte_bpe;
  spec.pre_tokenizer = kSplit;
  spec.add_space_prefix = false;
  for (std::size_t byte = 0; byte < kBytes; ++byte)
    spec.tokens.push_back({.text = to_alphabet(std::string(1, static_cast<char>(byte)))});

  PairCounts counts(count_words(texts, pre_tokenizer));
  while (spec.tokens.size() + control.size() < size) {
    const auto pair = counts.best();
    if (!pair) break;
    const std::string& left = spec.tokens[static_cast<std::size_t>(*pair >> 32)].text;
    const std::string& right = spec.tokens[static_cast<std::size_t>(*pair & UINT32_MAX)].text;
    spec.merges.emplace_back(left, right);
    const auto merged = static_cast<TokenId>(spec.tokens.size());
    spec.tokens.push_back({.text = left + right});
    counts.merge(*pair, merged);
  }
  for (const std::string& name : control) {
    const auto id = static_cast<TokenId>(spec.tokens.size());
    spec.tokens.push_back({.text = name, .type = TokenType::control});
    if (ends_turn(name)) spec.end_of_turn.push_back(id);
  }
  return spec;
}

}  // namespace galley::text
