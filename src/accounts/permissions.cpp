#include "accounts/permissions.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"

namespace galley::accounts {
namespace {

constexpr std::array<std::string_view, 3> kRoleWords{"viewer", "member", "admin"};
constexpr std::array<std::string_view, 4> kScopeWords{"read", "submit", "deploy", "all"};
constexpr std::array<std::string_view, 5> kActionWords{"look", "account", "submit", "deploy",
                                                       "administer"};

// Columns in the order of Action.
using Line = std::array<bool, kActions.size()>;
constexpr std::array<Line, kRoles.size()> kByRole{{
    // look, account, submit, deploy, administer
    {true, true, false, false, false},  // viewer
    {true, true, true, true, false},    // member
    {true, true, true, true, true},     // admin
}};
// A narrow token makes no tokens: what leaks with it must not be able to outlive it.
constexpr std::array<Line, kScopes.size()> kByScope{{
    // look, account, submit, deploy, administer
    {true, false, false, false, false},  // read
    {true, false, true, false, false},   // submit
    {true, false, false, true, false},   // deploy
    {true, true, true, true, true},      // all
}};

template <class E, std::size_t N>
Result<E> parse_word(const std::array<std::string_view, N>& words, const char* field,
                     std::string_view word) {
  const auto found = std::ranges::find(words, word);
  if (found != words.end()) return static_cast<E>(found - words.begin());
  std::string known;
  for (std::size_t i = 0; i < N; ++i)
    known += std::string(i == 0 ? "" : i + 1 == N ? " or " : ", ") + std::string(words[i]);
  const auto close = nearest(word, std::vector<std::string>(words.begin(), words.end()));
  return Error{Errc::invalid_argument, "found '" + to_valid_utf8(word.substr(0, 40)) + "'", field,
               known, close.empty() ? "" : "did you mean " + close + "?"};
}

}  // namespace

std::string_view to_string(Role role) { return kRoleWords[static_cast<std::size_t>(role)]; }
std::string_view to_string(Scope scope) { return kScopeWords[static_cast<std::size_t>(scope)]; }
std::string_view to_string(Action action) { return kActionWords[static_cast<std::size_t>(action)]; }

Result<Role> parse_role(std::string_view word) {
  return parse_word<Role>(kRoleWords, "role", word);
}
Result<Scope> parse_scope(std::string_view word) {
  return parse_word<Scope>(kScopeWords, "scope", word);
}

bool role_may(Role role, Action action) {
  return kByRole[static_cast<std::size_t>(role)][static_cast<std::size_t>(action)];
}
bool scope_may(Scope scope, Action action) {
  return kByScope[static_cast<std::size_t>(scope)][static_cast<std::size_t>(action)];
}

Role least_role(Action action) {
  return *std::ranges::find_if(kRoles, [&](Role role) { return role_may(role, action); });
}

}  // namespace galley::accounts
