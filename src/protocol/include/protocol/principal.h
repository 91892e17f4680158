#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace galley::protocol {

/// Principals that are no users; nobody may be called so.
inline constexpr std::array<std::string_view, 7> kReservedPrincipals{
    "token", "local", "session", "agent", "job", "system", "nobody"};

/// Whether this is the name of a user, and not that of a credential of the installation's owner or
/// of a part of Galley ("local", "job:RUN_ID", …).
constexpr bool is_user(std::string_view principal) {
  return !principal.empty() && principal.find(':') == std::string_view::npos &&
         std::ranges::find(kReservedPrincipals, principal) == kReservedPrincipals.end();
}

}  // namespace galley::protocol
