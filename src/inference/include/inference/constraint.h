#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "inference/token_mask.h"
#include "text/tokenizer.h"

namespace galley::inference {

class Grammar;

/// The bytes of a vocabulary's tokens in a prefix tree, in which many tokens are matched at once.
/// Immutable, thread-safe; one for each tokenizer.
class TokenTrie {
 public:
  /// bytes[i] are those of token i in running text; empty for tokens that have no text, which no
  /// constraint allows. `ends`: the tokens that end an answer.
  static std::shared_ptr<const TokenTrie> create(std::span<const std::string_view> bytes,
                                                 std::span<const text::TokenId> ends);
  static std::shared_ptr<const TokenTrie> create(const text::Tokenizer& tokenizer);
  ~TokenTrie();

  std::size_t vocabulary() const;

  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  explicit TokenTrie(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

/// A grammar that answers must follow, compiled for one vocabulary. Immutable but for a cache of
/// masks; thread-safe. Compiling takes some milliseconds; keep a ConstraintCache.
class Constraint {
 public:
  /// GBNF, the notation of llama.cpp: `name ::= ...` with "literals", [classes], ., ( ), |, *, +,
  /// ?, {m}, {m,}, {m,n} and # comments; the text follows the rule `root`.
  /// Errors: invalid_argument naming line and column; a left-recursive rule or one that can never
  /// end, by its name; too_large (kMaxGrammarBytes, or more than kMaxPositions states).
  static Result<std::shared_ptr<const Constraint>> from_gbnf(std::string_view grammar,
                                                             std::shared_ptr<const TokenTrie> trie);

  /// JSON that satisfies a JSON Schema (the subset of 2020-12 in docs/formats/json-schema.md).
  /// What the schema leaves open is narrowed where that keeps answers valid: properties come in the
  /// schema's order, and there are none but the declared ones unless additionalProperties says so.
  /// Errors: invalid_argument (no JSON, a value of the wrong type, contradictions), unsupported
  /// naming the keyword; field is its place in the schema. too_large as above.
  static Result<std::shared_ptr<const Constraint>> from_json_schema(
      std::string_view schema, std::shared_ptr<const TokenTrie> trie);

  /// Any JSON object (OpenAI's json_object).
  static Result<std::shared_ptr<const Constraint>> any_json_object(
      std::shared_ptr<const TokenTrie> trie);

  ~Constraint();

  static constexpr std::size_t kMaxGrammarBytes = 256 << 10;
  static constexpr std::size_t kMaxPositions = 100'000;

  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  explicit Constraint(std::unique_ptr<Impl> impl);
  static Result<std::shared_ptr<const Constraint>> of(const Grammar& grammar,
                                                      std::shared_ptr<const TokenTrie> trie);
  std::unique_ptr<Impl> impl_;
};

/// All the ways in which a grammar reads a text so far.
struct GrammarPlace {
  /// A position of the grammar's automaton, and the frame to return to.
  struct Top {
    std::uint32_t position;
    std::uint32_t frame;
    bool operator==(const Top&) const = default;
  };
  struct Frame {
    std::uint32_t position;  // where the caller goes on
    std::uint32_t parent;
  };

  std::vector<Frame> frames;  // that the tops need, parents first; the first is the bottom
  std::vector<Top> tops;
  bool complete = false;
};

/// Where an answer stands in its grammar. A value: copy it to look ahead (drafts), and drop the
/// copy. Not thread-safe.
class ConstraintState {
 public:
  explicit ConstraintState(std::shared_ptr<const Constraint> constraint);

  /// The tokens whose bytes the grammar lets follow; those that end the answer exactly where the
  /// text is complete. Below 1 ms for a vocabulary of 32,000, and microseconds where the grammar
  /// has been at the same place before. Empty only where the answer has ended, where no token of
  /// the vocabulary spells what must come next, or where the grammar has so many ways to read the
  /// text that following them takes some 100 ms: the caller ends the answer.
  void allowed(TokenMask& mask) const;
  /// Takes a token into the text. False, and nothing changes, where it is not allowed.
  bool accept(text::TokenId token);
  /// The text so far is all that the grammar asks for.
  bool complete() const { return place_.complete; }
  /// Nothing can follow but the end.
  bool finished() const { return place_.complete && place_.tops.empty(); }

 private:
  std::shared_ptr<const Constraint> constraint_;
  GrammarPlace place_;
  bool ended_ = false;
};

/// Compiled constraints by their text, the least recently used dropped first. Thread-safe.
class ConstraintCache {
 public:
  explicit ConstraintCache(std::shared_ptr<const TokenTrie> trie, std::size_t capacity = 64);
  ~ConstraintCache();

  Result<std::shared_ptr<const Constraint>> gbnf(std::string_view grammar);
  Result<std::shared_ptr<const Constraint>> json_schema(std::string_view schema);
  Result<std::shared_ptr<const Constraint>> json_object();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace galley::inference
