#include "agent/job_account.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/text.h"

namespace galley::agent {
namespace {

constexpr std::size_t kMostNameBytes = 256;
constexpr std::size_t kFirstBufferBytes = 4096;
constexpr std::size_t kMostBufferBytes = 1 << 20;

const char* kRemedy =
    "make the account on this machine, or start its agent with --jobs-as agent or --jobs-as "
    "ACCOUNT";

/// `ask` is one of getpwnam_r and getpwuid_r; `whom` is for people.
Result<std::optional<JobAccount>> look_up(
    const std::string& whom,
    const std::function<int(passwd& entry, std::vector<char>& buffer, passwd*& found)>& ask) {
  passwd entry{};
  passwd* found = nullptr;
  for (std::vector<char> buffer(kFirstBufferBytes);; buffer.resize(buffer.size() * 2)) {
    const int error = ask(entry, buffer, found);
    if (found != nullptr)
      return std::optional(JobAccount{.name = entry.pw_name,
                                      .uid = entry.pw_uid,
                                      .gid = entry.pw_gid,
                                      .home = entry.pw_dir,
                                      .shell = entry.pw_shell});
    // What the databases behind it say of one that they do not know.
    if (error == 0 || error == ENOENT || error == ESRCH) return std::optional<JobAccount>();
    if (error == EINTR || (error == ERANGE && buffer.size() < kMostBufferBytes)) continue;
    Error fault = system_error("cannot look up the account " + whom, error);
    fault.code = Errc::unavailable;
    return fault;
  }
}

}  // namespace

Result<JobsAs> parse_jobs_as(std::string_view text, bool is_root) {
  using Who = JobsAs::Who;
  if (text.empty()) return JobsAs{is_root ? Who::submitter : Who::agent};
  if (text == "agent") return JobsAs{Who::agent};
  if (!is_root)
    return Error{Errc::invalid_argument, "only root can run jobs as other accounts", "--jobs-as",
                 "agent, or nothing"};
  if (text == "submitter") return JobsAs{Who::submitter};
  const bool fits = text.size() <= kMostNameBytes && is_valid_utf8(text) &&
                    std::ranges::none_of(text, [](char c) {
                      return c == ':' || c == '/' || static_cast<unsigned char>(c) <= ' ';
                    });
  if (!fits)
    return Error{Errc::invalid_argument,
                 "'" + to_valid_utf8(text.substr(0, kMostNameBytes)) + "' is no account's name",
                 "--jobs-as", "submitter, agent or the name of an account"};
  return JobsAs{Who::account, std::string(text)};
}

Result<std::optional<JobAccount>> account_of_job(const JobsAs& jobs_as, const std::string& user,
                                                 const FindAccount& find) {
  if (jobs_as.who == JobsAs::Who::agent) return std::optional<JobAccount>();
  const bool named = jobs_as.who == JobsAs::Who::account;
  if (!named && user.empty()) return std::optional<JobAccount>();
  const std::string& name = named ? jobs_as.name : user;
  GALLEY_TRY(auto account, find(name));
  if (!account)
    return Error{Errc::forbidden,
                 named ? "the account '" + name + "' of --jobs-as does not exist on this machine"
                       : "user '" + name + "' has no account on this machine",
                 {},
                 {},
                 kRemedy};
  // Who starts the agent may name any account; a user's own name may be that of a service by chance
  // or by intent.
  if (!named && account->uid < kLeastUserUid)
    return Error{Errc::forbidden,
                 "the account '" + name + "' of this machine has uid " +
                     std::to_string(account->uid) + " and is no person's",
                 {},
                 "an account with uid " + std::to_string(kLeastUserUid) + " or above",
                 kRemedy};
  return account;
}

Result<std::optional<JobAccount>> find_account(const std::string& name) {
  return look_up("'" + name + "'", [&](passwd& entry, std::vector<char>& buffer, passwd*& found) {
    return ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  });
}

Result<std::optional<JobAccount>> find_account_of(std::uint32_t uid) {
  return look_up(std::to_string(uid),
                 [&](passwd& entry, std::vector<char>& buffer, passwd*& found) {
                   return ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
                 });
}

}  // namespace galley::agent
