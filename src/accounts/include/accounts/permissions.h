#pragma once

#include <array>
#include <string_view>

#include "base/result.h"

namespace galley::accounts {

/// In the order of what they may do.
enum class Role { viewer, member, admin };

/// What a token is narrowed to; never more than the role of its user.
enum class Scope { read, submit, deploy, all };

/// What a request is, as far as permissions go.
enum class Action {
  look,        // reads, questions and predictions: nothing is changed
  account,     // the user's own tokens and sessions
  submit,      // jobs, runs, data sets, frozen models, bookings; of the user's own teams
  deploy,      // moves what a model's channel serves
  administer,  // teams, users, machines, the audit log, other users' jobs
};

inline constexpr std::array kRoles{Role::viewer, Role::member, Role::admin};
inline constexpr std::array kScopes{Scope::read, Scope::submit, Scope::deploy, Scope::all};
inline constexpr std::array kActions{Action::look, Action::account, Action::submit, Action::deploy,
                                     Action::administer};

std::string_view to_string(Role role);
std::string_view to_string(Scope scope);
std::string_view to_string(Action action);

/// Errors: invalid_argument naming the field, the words and the nearest one.
Result<Role> parse_role(std::string_view word);
Result<Scope> parse_scope(std::string_view word);

/// The whole table of permissions. Pure.
bool role_may(Role role, Action action);
bool scope_may(Scope scope, Action action);

/// The least role that may, for refusals.
Role least_role(Action action);

}  // namespace galley::accounts
