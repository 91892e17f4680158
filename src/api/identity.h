#pragma once

#include <memory>
#include <string>

#include "accounts/permissions.h"
#include "accounts/records.h"
#include "base/result.h"

namespace galley::api {

/// What the credentials of a request turn out to be.
struct Identity {
  std::string principal;  // a user's name, or "token", "local", "session", "job:RUN_ID"
  bool by_cookie = false;
  std::string run_id{};                            // of a job; empty for people
  std::shared_ptr<const accounts::User> user{};    // none for the owner of the installation
  std::shared_ptr<const accounts::Token> token{};  // none for sessions, the owner and jobs
  accounts::Role role() const { return user ? user->role : accounts::Role::admin; }
  accounts::Scope scope() const { return token ? token->scope : accounts::Scope::all; }
};

// Pure. Errors of all: forbidden, naming what is missing and who can give it.

/// Whether the role and the token's scope allow this.
Status check_action(const Identity& who, accounts::Action action);
/// Whether jobs and bookings may be made for this team.
Status check_team(const Identity& who, std::string_view team);
/// Whether what `principal` made may be changed: one's own, or anything for an administrator.
Status check_owner(const Identity& who, std::string_view principal, std::string_view what);
/// The team of what names none: the only one that the caller may use; "default" where there is
/// a choice that includes it.
std::string usual_team(const Identity& who);

}  // namespace galley::api
