#include "exit_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace galley::process {
namespace {

// One block of most file systems; the longest exit.json we write is shorter.
constexpr off_t kReservedBytes = 4096;
constexpr const char* kNewName = "exit.json.new";
// What a message may add to the file; a name in it can be as long as a path.
constexpr std::size_t kMostMessageBytes = 2048;

}  // namespace

Result<ExitFile> ExitFile::reserve(const std::filesystem::path& folder) {
  ExitFile file;
  file.folder_ = folder;
  const auto path = folder / kNewName;
  file.fd_ = UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (!file.fd_) return system_error("cannot make " + path.string(), errno);
  const int error = ::posix_fallocate(file.fd_.get(), 0, kReservedBytes);
  if (error != 0) return system_error("cannot reserve room for " + path.string(), error);
  return file;
}

Status ExitFile::commit(const AttemptExit& exit) {
  AttemptExit shortened = exit;
  if (shortened.message.size() > kMostMessageBytes) {
    shortened.message.resize(kMostMessageBytes);
    shortened.message += "...";
  }
  const std::string text = print_exit(shortened);
  const auto target = folder_ / attempt_file::kExit;
  const auto fail = [&] { return system_error("cannot write " + target.string(), errno); };
  // Write before truncating: freeing blocks first could give them to someone else.
  if (::lseek(fd_.get(), 0, SEEK_SET) != 0) return fail();
  GALLEY_TRY_STATUS(write_all(fd_.get(), text));
  if (::ftruncate(fd_.get(), static_cast<off_t>(text.size())) != 0) return fail();
  if (::rename((folder_ / kNewName).c_str(), target.c_str()) != 0 && errno != ENOENT) return fail();
  if (::access(target.c_str(), F_OK) != 0) return fail();
  if (::fsync(fd_.get()) != 0) return fail();
  return sync_folder(folder_);
}

}  // namespace galley::process
