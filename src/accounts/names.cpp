#include "names.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "protocol/principal.h"
#include "store/events.h"

namespace galley::accounts {
namespace {

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_team_letter(char c) {
  return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
}

Status check_bound(const char* field, const std::optional<std::int64_t>& bound,
                   std::int64_t maximum) {
  if (!bound || (*bound >= 0 && *bound <= maximum)) return ok();
  return Error{Errc::invalid_argument, fmt::format("found {}", *bound), field,
               fmt::format("0 to {}, or none for no bound", maximum)};
}

}  // namespace

Status check_user_name(std::string_view name) {
  const bool fine = !name.empty() && name.size() <= kMaxNameBytes && is_lower_or_digit(name[0]) &&
                    std::ranges::all_of(name, [](char c) {
                      return is_lower_or_digit(c) || c == '.' || c == '_' || c == '-';
                    });
  if (!fine)
    return Error{Errc::invalid_argument,
                 "found '" + to_valid_utf8(name.substr(0, kMaxNameBytes)) + "'", "name",
                 "1 to 63 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit"};
  if (!protocol::is_user(name))
    return Error{Errc::invalid_argument,
                 "'" + std::string(name) + "' is what the log calls something else", "name",
                 "another name"};
  return ok();
}

bool is_secret(std::string_view text) {
  return text.size() == kSecretPrefix.size() + 2 * kSecretBytes &&
         text.starts_with(kSecretPrefix) &&
         std::ranges::all_of(text.substr(kSecretPrefix.size()), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

Result<std::vector<std::string>> checked_teams(std::vector<std::string> teams) {
  if (teams.empty()) teams.emplace_back("default");
  if (teams.size() > kMaxTeams)
    return Error{Errc::invalid_argument, fmt::format("found {} teams", teams.size()), "teams",
                 fmt::format("at most {}", kMaxTeams)};
  for (const std::string& team : teams)
    if (team.empty() || team.size() > 64 || team.front() == '.' || team.front() == '-' ||
        !std::ranges::all_of(team, is_team_letter))
      return Error{Errc::invalid_argument, "found '" + to_valid_utf8(team.substr(0, 64)) + "'",
                   "teams", "letters, digits, '.', '_' and '-', beginning with a letter or digit"};
  std::ranges::sort(teams);
  teams.erase(std::unique(teams.begin(), teams.end()), teams.end());
  return teams;
}

Status check_quota(const Quota& quota) {
  GALLEY_TRY_STATUS(check_bound("max_queued_jobs", quota.max_queued_jobs, 10'000'000));
  GALLEY_TRY_STATUS(check_bound("max_gpus", quota.max_gpus, 1'000'000));
  return check_bound("max_job_gpus", quota.max_job_gpus, 1'000'000);
}

Status check_token_name(std::string_view name) {
  const bool printable = std::ranges::none_of(
      name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (!name.empty() && name.size() <= kMaxNameBytes && printable && is_valid_utf8(name))
    return ok();
  return Error{Errc::invalid_argument, fmt::format("found a name of {} bytes", name.size()), "name",
               "1 to 63 bytes of printable text, such as laptop or ci"};
}

Status record(store::Transaction& transaction, const By& by, WallTime at, std::string action,
              std::string subject) {
  return store::append_audit(transaction, {.at_ms = to_ms(at),
                                           .principal = by.principal,
                                           .action = std::move(action),
                                           .subject = std::move(subject),
                                           .request_id = by.request_id,
                                           .address = by.address});
}

}  // namespace galley::accounts
