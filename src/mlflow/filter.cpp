#include "filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "error_reply.h"

namespace galley::mlflow {
namespace {

constexpr std::size_t kMaxFilterBytes = 64 << 10;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string folded(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return out;
}

/// Reads a filter or an order from the left.
class FilterReader {
 public:
  explicit FilterReader(std::string_view text) : whole_(text), rest_(text) {}

  bool at_end() {
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
    return rest_.empty();
  }

  Error fault_here(std::string_view expected) const {
    return fault(fmt::format("Invalid clause(s) in filter string: '{}' at {}; expected {}",
                             rest_.substr(0, 40), whole_.size() - rest_.size(), expected));
  }

  /// A word of letters, digits and underscores, in lower case; taken only where it is `wanted`.
  bool take_word(std::string_view wanted) {
    if (at_end()) return false;
    const auto end = std::ranges::find_if_not(rest_, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
    const auto length = static_cast<std::size_t>(end - rest_.begin());
    if (folded(rest_.substr(0, length)) != wanted) return false;
    rest_.remove_prefix(length);
    return true;
  }

  bool take_sign(std::string_view sign) {
    if (at_end() || !rest_.starts_with(sign)) return false;
    rest_.remove_prefix(sign.size());
    return true;
  }

  Result<std::string> quoted(char quote) {
    const auto end = rest_.find(quote, 1);
    if (end == std::string_view::npos) return fault_here(std::string("a closing ") + quote);
    std::string text(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return text;
  }

  /// `entity.key`, either of which may be quoted, or the whole.
  Result<Order> name() {
    if (at_end()) return fault_here("a name like metrics.loss");
    if (rest_.front() == '`' || rest_.front() == '"') {
      GALLEY_TRY(const auto whole, quoted(rest_.front()));
      if (!rest_.starts_with('.')) return name_of(whole, std::nullopt);
      rest_.remove_prefix(1);
      GALLEY_TRY(const auto key, key_part());
      return name_of(whole, key);
    }
    const auto dot = rest_.find_first_of(". \t\n\r=!<>(");
    const std::string first(rest_.substr(0, dot));
    if (dot == std::string_view::npos || rest_[dot] != '.') {
      rest_.remove_prefix(std::min(dot, rest_.size()));
      if (first.empty()) return fault_here("a name like metrics.loss");
      return name_of(first, std::nullopt);
    }
    rest_.remove_prefix(dot + 1);
    GALLEY_TRY(const auto key, key_part());
    return name_of(first, key);
  }

  Result<Clause> clause() {
    GALLEY_TRY(const Order about, name());
    Clause clause{.entity = about.entity, .key = about.key};
    GALLEY_TRY(clause.comparison, comparison());
    if (clause.comparison == Comparison::among || clause.comparison == Comparison::not_among) {
      GALLEY_TRY(clause.texts, texts());
      return clause;
    }
    if (at_end()) return fault_here("a value");
    if (rest_.front() == '\'' || rest_.front() == '"') {
      GALLEY_TRY(clause.text, quoted(rest_.front()));
      return clause;
    }
    const auto end = rest_.find_first_of(" \t\n\r)");
    const auto word = rest_.substr(0, end);
    const auto [stop, errc] =
        std::from_chars(word.data(), word.data() + word.size(), clause.number);
    if (errc != std::errc{} || stop != word.data() + word.size())
      return fault_here("a number, or a text in quotes");
    clause.is_number = true;
    rest_.remove_prefix(word.size());
    return clause;
  }

 private:
  Result<std::string> key_part() {
    if (!rest_.empty() && (rest_.front() == '`' || rest_.front() == '"'))
      return quoted(rest_.front());
    const auto end = std::min(rest_.find_first_of(" \t\n\r=!<>("), rest_.size());
    if (end == 0) return fault_here("a key");
    std::string key(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return key;
  }

  Result<Order> name_of(std::string_view first, const std::optional<std::string>& key) const {
    if (!key) return Order{.entity = Entity::attribute, .key = std::string(first)};
    const std::string word = folded(first);
    const auto is = [&](std::initializer_list<std::string_view> words) {
      return std::ranges::find(words, word) != words.end();
    };
    if (is({"metric", "metrics"})) return Order{.entity = Entity::metric, .key = *key};
    if (is({"param", "params", "parameter", "parameters"}))
      return Order{.entity = Entity::param, .key = *key};
    if (is({"tag", "tags"})) return Order{.entity = Entity::tag, .key = *key};
    if (is({"dataset", "datasets"})) return Order{.entity = Entity::dataset, .key = *key};
    if (is({"attribute", "attributes", "attr", "run"}))
      return Order{.entity = Entity::attribute, .key = *key};
    return fault(
        fmt::format("Invalid entity type '{}'. Valid values are metrics, params, tags,"
                    " attributes and datasets",
                    word.substr(0, 40)));
  }

  Result<Comparison> comparison() {
    if (take_sign("!=") || take_sign("<>")) return Comparison::not_equal;
    if (take_sign(">=")) return Comparison::greater_or_equal;
    if (take_sign("<=")) return Comparison::less_or_equal;
    if (take_sign("==") || take_sign("=")) return Comparison::equal;
    if (take_sign(">")) return Comparison::greater;
    if (take_sign("<")) return Comparison::less;
    if (take_word("like")) return Comparison::like;
    if (take_word("ilike")) return Comparison::like_in_any_case;
    if (take_word("in")) return Comparison::among;
    if (take_word("not") && take_word("in")) return Comparison::not_among;
    return fault_here("=, !=, <, <=, >, >=, LIKE, ILIKE, IN or NOT IN");
  }

  Result<std::vector<std::string>> texts() {
    if (!take_sign("(")) return fault_here("a list in parentheses");
    std::vector<std::string> found;
    do {
      if (at_end() || (rest_.front() != '\'' && rest_.front() != '"'))
        return fault_here("a text in quotes");
      GALLEY_TRY(auto one, quoted(rest_.front()));
      found.push_back(std::move(one));
    } while (take_sign(","));
    if (!take_sign(")")) return fault_here("a closing parenthesis");
    return found;
  }

  std::string_view whole_;
  std::string_view rest_;
};

/// `_` stands for a character and `%` for any text. O(text times pattern).
bool is_like(std::string_view text, std::string_view pattern) {
  std::size_t at = 0;
  std::size_t p = 0;
  std::optional<std::pair<std::size_t, std::size_t>> star;  // where to take up again
  while (at < text.size()) {
    if (p < pattern.size() && pattern[p] == '%') {
      star.emplace(at, ++p);
    } else if (p < pattern.size() && (pattern[p] == '_' || pattern[p] == text[at])) {
      ++at;
      ++p;
    } else if (star) {
      at = ++star->first;
      p = star->second;
    } else {
      return false;
    }
  }
  return pattern.substr(p).find_first_not_of('%') == std::string_view::npos;
}

template <class Value>
bool compares(Comparison comparison, const Value& left, const Value& right) {
  switch (comparison) {
    case Comparison::equal:
      return left == right;
    case Comparison::not_equal:
      return left != right;
    case Comparison::less:
      return left < right;
    case Comparison::less_or_equal:
      return left <= right;
    case Comparison::greater:
      return left > right;
    case Comparison::greater_or_equal:
      return left >= right;
    default:
      return false;
  }
}

}  // namespace

Result<std::vector<Clause>> parse_filter(std::string_view text) {
  if (text.size() > kMaxFilterBytes) return fault("the filter is too long");
  FilterReader reader(text);
  std::vector<Clause> clauses;
  while (!reader.at_end()) {
    if (!clauses.empty() && !reader.take_word("and")) return reader.fault_here("AND");
    GALLEY_TRY(auto clause, reader.clause());
    clauses.push_back(std::move(clause));
    if (clauses.size() > tracking::kMaxConditions) return fault("the filter has too many clauses");
  }
  return clauses;
}

Result<Order> parse_order(std::string_view text) {
  FilterReader reader(text);
  GALLEY_TRY(Order order, reader.name());
  // The page of MLflow quotes the whole: `metrics.loss`.
  if (order.entity == Entity::attribute && order.key.find('.') != std::string::npos) {
    FilterReader inner(order.key);
    GALLEY_TRY(order, inner.name());
  }
  if (reader.take_word("desc"))
    order.descending = true;
  else
    reader.take_word("asc");
  if (!reader.at_end()) return reader.fault_here("ASC or DESC");
  return order;
}

bool fulfils(const Clause& clause, const std::string* text) {
  if (text == nullptr) return false;
  const bool listed = std::ranges::find(clause.texts, *text) != clause.texts.end();
  switch (clause.comparison) {
    case Comparison::like:
      return is_like(*text, clause.text);
    case Comparison::like_in_any_case:
      return is_like(folded(*text), folded(clause.text));
    case Comparison::among:
      return listed;
    case Comparison::not_among:
      return !listed;
    default:
      return !clause.is_number && compares(clause.comparison, *text, clause.text);
  }
}

bool fulfils(const Clause& clause, double number) {
  return clause.is_number && compares(clause.comparison, number, clause.number);
}

}  // namespace galley::mlflow
