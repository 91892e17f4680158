#include "file_reader.h"

#include <grp.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "agent/job_account.h"
#include "process/attempt_files.h"

namespace galley::agent {
namespace {

// setgroups(3) of the library changes all threads.
void set_groups_of_thread(const std::vector<gid_t>& groups) {
  GALLEY_CHECK(::syscall(SYS_setgroups, groups.size(), groups.data()) == 0,
               "a process that became root can set its groups");
}

// They answer the id that was there before, also when they fail.
void set_ids_of_thread(uid_t uid, gid_t gid) {
  ::setfsgid(gid);
  ::setfsuid(uid);
  constexpr auto kNone = static_cast<uid_t>(-1);  // changes nothing
  GALLEY_CHECK(
      static_cast<uid_t>(::setfsuid(kNone)) == uid && static_cast<gid_t>(::setfsgid(kNone)) == gid,
      "root can take any account's rights to files");
}

std::vector<gid_t> groups_of(uid_t uid, gid_t gid) {
  const auto account = find_account_of(uid);
  if (!account || !*account) return {gid};
  std::vector<gid_t> groups(1024);
  int count = static_cast<int>(groups.size());
  if (::getgrouplist((*account)->name.c_str(), gid, groups.data(), &count) < 0) return {gid};
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

}  // namespace

Result<FileReader> FileReader::of_attempt(const std::filesystem::path& attempt_folder) {
  const auto path = attempt_folder / process::attempt_file::kProgress;
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0)
    return system_error("cannot see whose job it is: " + path.string(), errno);
  return of_account(info.st_uid, info.st_gid);
}

FileReader FileReader::of_account(uid_t uid, gid_t gid) {
  FileReader reader;
  if (::geteuid() != 0 || uid == 0) return reader;
  As as{.uid = uid, .gid = gid, .groups = groups_of(uid, gid), .our_groups = {}};
  as.our_groups.resize(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
  const int count = ::getgroups(static_cast<int>(as.our_groups.size()), as.our_groups.data());
  as.our_groups.resize(static_cast<std::size_t>(std::max(count, 0)));
  reader.as_ = std::move(as);
  return reader;
}

void FileReader::take() const {
  if (!as_) return;
  set_groups_of_thread(as_->groups);
  set_ids_of_thread(as_->uid, as_->gid);
}

void FileReader::give_back() const {
  if (!as_) return;
  set_ids_of_thread(::geteuid(), ::getegid());
  set_groups_of_thread(as_->our_groups);
}

}  // namespace galley::agent
