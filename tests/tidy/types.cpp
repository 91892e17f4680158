#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <set>

#include "checks.h"

namespace galley::tidy {
namespace {

struct Token {
  std::string text;  // an identifier, or one sign
  int line = 1;
};

bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// Cuts C++ into names and signs. Comments, literals and preprocessor lines are left out.
class Lexer {
 public:
  explicit Lexer(const SourceFile& file) {
    for (const std::string& line : file.lines) text_ += line + "\n";
  }

  std::vector<Token> tokens() {
    std::vector<Token> found;
    while (at_ < text_.size()) {
      if (skip_no_code()) continue;
      std::size_t end = at_ + 1;
      if (is_name(text_[at_])) {
        while (end < text_.size() && is_name(text_[end])) ++end;
      } else if (std::isspace(static_cast<unsigned char>(text_[at_])) != 0) {
        go_to(end);
        continue;
      }
      found.push_back({text_.substr(at_, end - at_), line_});
      go_to(end);
    }
    return found;
  }

 private:
  void go_to(std::size_t end) {
    end = std::min(end, text_.size());
    line_ += static_cast<int>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         text_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
    at_ = end;
  }
  bool starts(std::string_view with) const {
    return std::string_view(text_).substr(at_).starts_with(with);
  }
  void skip_past(std::string_view mark, std::size_t from) {
    const auto end = text_.find(mark, from);
    go_to(end == std::string::npos ? text_.size() : end + mark.size());
  }

  bool skip_no_code() {
    const bool begins_line = text_.find_last_not_of(" \t", at_ - 1) == std::string::npos ||
                             at_ == 0 || text_[text_.find_last_not_of(" \t", at_ - 1)] == '\n';
    if (text_[at_] == '#' && begins_line) {
      do skip_past("\n", at_);
      while (at_ >= 2 && text_[at_ - 2] == '\\');
    } else if (starts("//")) {
      skip_past("\n", at_);
    } else if (starts("/*")) {
      skip_past("*/", at_);
    } else if (starts("R\"")) {
      const auto open = text_.find('(', at_);
      skip_past(")" + text_.substr(at_ + 2, open - at_ - 2) + "\"", open);
    } else if (text_[at_] == '"' || (text_[at_] == '\'' && !is_separator())) {
      const char quote = text_[at_];
      auto end = at_ + 1;
      while (end < text_.size() && text_[end] != quote) end += text_[end] == '\\' ? 2 : 1;
      go_to(end + 1);
    } else {
      return false;
    }
    return true;
  }
  /// The ' of 10'000.
  bool is_separator() const {
    return at_ > 0 && std::isxdigit(static_cast<unsigned char>(text_[at_ - 1])) != 0 &&
           at_ + 1 < text_.size() && std::isxdigit(static_cast<unsigned char>(text_[at_ + 1])) != 0;
  }

  std::string text_;
  std::size_t at_ = 0;
  int line_ = 1;
};

/// What stands before an opening brace.
using Head = std::vector<Token>;

bool opens(const Token& token) {
  return token.text == "(" || token.text == "[" || token.text == "<";
}
bool closes(const Token& token) {
  return token.text == ")" || token.text == "]" || token.text == ">";
}

/// Without what stands in brackets of any kind; what is left of them is one pair.
Head without_brackets(const Head& head) {
  Head flat;
  int depth = 0;
  for (const Token& token : head) {
    if (closes(token)) depth = std::max(depth - 1, 0);
    if (depth == 0) flat.push_back(token);
    if (opens(token)) ++depth;
  }
  return flat;
}

bool is_type_word(const std::string& word) {
  return word == "struct" || word == "class" || word == "union" || word == "enum";
}

/// "A" of `struct A final : B {`, "A::B" of `class A::B {`; nothing for whatever else.
std::optional<Token> type_of(const Head& head) {
  const Head flat = without_brackets(head);
  auto at = std::ranges::find_if(flat, [](const Token& token) { return is_type_word(token.text); });
  if (at == flat.end()) return std::nullopt;
  while (at != flat.end() && is_type_word(at->text)) ++at;
  const auto skip_pairs = [&](std::string_view open) {
    while (at != flat.end() && at->text == open) at += 2;
  };
  skip_pairs("[");
  if (at != flat.end() && at->text == "alignas") {
    ++at;
    skip_pairs("(");
  }
  if (at == flat.end() || !is_name(at->text[0])) return std::nullopt;
  Token name = *at++;
  while (flat.end() - at >= 3 && at[0].text == ":" && at[1].text == ":" && is_name(at[2].text[0])) {
    name.text += "::" + at[2].text;
    at += 3;
  }
  if (at != flat.end() && at->text == "final") ++at;
  if (at != flat.end() && at->text != ":") return std::nullopt;  // a variable, a function
  return name;
}

struct Scope {
  enum class Kind { shared, hidden } kind = Kind::hidden;
  std::string name;  // of a namespace, with "::" behind it
};

Scope namespace_of(const Head& head) {
  Scope scope;
  for (const Token& token : head) {
    if (token.text == "namespace" || token.text == "inline") continue;
    if (is_name(token.text[0])) scope.name += token.text + "::";
  }
  if (!scope.name.empty()) scope.kind = Scope::Kind::shared;
  return scope;
}

struct Place {
  std::string file;
  int line = 1;
};

/// Calls `each` for every type that other files can see the name of.
template <class Each>
void for_each_type(const SourceFile& file, Each&& each) {
  std::vector<Scope> scopes;
  Head head;
  for (Token& token : Lexer(file).tokens()) {
    if (token.text == ";") {
      head.clear();
    } else if (token.text == "}") {
      if (!scopes.empty()) scopes.pop_back();
      head.clear();
    } else if (token.text == "{") {
      const bool is_namespace =
          std::ranges::any_of(head, [](const Token& one) { return one.text == "namespace"; });
      const bool is_shared = std::ranges::all_of(
          scopes, [](const Scope& scope) { return scope.kind == Scope::Kind::shared; });
      if (const auto type = type_of(head); type && is_shared && !is_namespace) {
        std::string name;
        for (const Scope& scope : scopes) name += scope.name;
        each(name + type->text, type->line);
      }
      scopes.push_back(is_namespace ? namespace_of(head) : Scope{});
      head.clear();
    } else {
      head.push_back(std::move(token));
    }
  }
}

}  // namespace

std::vector<Finding> check_types(const Tree& tree) {
  std::vector<Finding> findings;
  std::map<std::string, Place> first;
  for (const SourceFile& file : tree) {
    const bool is_code = file.path.ends_with(".h") || file.path.ends_with(".cpp");
    const bool is_linked = !module_of(file.path).empty() || file.path.starts_with("bench/");
    if (!is_linked || !is_code) continue;
    for_each_type(file, [&](const std::string& name, int line) {
      const auto [known, is_new] = first.emplace(name, Place{file.path, line});
      // Of two in one file, the preprocessor takes one.
      if (is_new || known->second.file == file.path) return;
      findings.push_back(
          {file.path, line,
           "defines " + name + ", and so does " + known->second.file + ":" +
               std::to_string(known->second.line),
           "rename one, or put it into an unnamed namespace: the linker keeps one of "
           "their functions for both"});
    });
  }
  return findings;
}

}  // namespace galley::tidy
