#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace galley::agent {

/// As whom jobs run on a machine.
struct JobsAs {
  enum class Who {
    submitter,  // the account with the name of the user who submitted it
    agent,      // the agent's own
    account,    // the one that is named
  };
  Who who = Who::agent;
  std::string name{};  // of the account
  bool operator==(const JobsAs&) const = default;
};

/// Reads "submitter", "agent" or the name of an account; empty: submitter for root, agent for all
/// others, who cannot become anybody else. Pure. Errors: invalid_argument.
Result<JobsAs> parse_jobs_as(std::string_view text, bool is_root);

/// An account of this machine.
struct JobAccount {
  std::string name;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string home;
  std::string shell;
  bool operator==(const JobAccount&) const = default;
};

/// Those below are the machine's own services, whose names a user of Galley must not come by.
inline constexpr std::uint32_t kLeastUserUid = 1000;

using FindAccount = std::function<Result<std::optional<JobAccount>>(const std::string& name)>;

/// As whom a job of that user runs; nothing: as the agent. A job of the installation's owner (no
/// user) runs as the agent. Pure but for `find`. Errors: forbidden (no such account here, or one of
/// a service), those of `find`.
Result<std::optional<JobAccount>> account_of_job(const JobsAs& jobs_as, const std::string& user,
                                                 const FindAccount& find);

/// In the machine's user database, which may be a server elsewhere: may block. Errors: unavailable.
Result<std::optional<JobAccount>> find_account(const std::string& name);
Result<std::optional<JobAccount>> find_account_of(std::uint32_t uid);

}  // namespace galley::agent
