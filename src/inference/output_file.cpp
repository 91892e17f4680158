#include "output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"

namespace galley::inference {
namespace fs = std::filesystem;

Result<OutputFile> OutputFile::create(const fs::path& path, std::uint64_t size_bytes) {
  constexpr std::size_t kNameBytes = 6;
  fs::path temporary = path;
  temporary += ".part-" + random_hex(kNameBytes);
  UniqueFd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file) return system_error("cannot write " + path.string(), errno);
  OutputFile result(path, std::move(temporary), std::move(file));
  const auto size = static_cast<off_t>(size_bytes);
  if (::fallocate(result.file_.get(), 0, 0, size) != 0) {
    if (errno != EOPNOTSUPP && errno != ENOSYS)
      return system_error("cannot write " + path.string(), errno);
    if (::ftruncate(result.file_.get(), size) != 0)
      return system_error("cannot write " + path.string(), errno);
  }
  return result;
}

OutputFile::~OutputFile() {
  if (file_) ::unlink(temporary_.c_str());
}

Status OutputFile::write_at(std::uint64_t offset, std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t written =
        ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0) {
      if (errno == EINTR) continue;
      return system_error("cannot write " + path_.string(), errno);
    }
    offset += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return ok();
}

Status OutputFile::commit() {
  if (::rename(temporary_.c_str(), path_.c_str()) != 0)
    return system_error("cannot write " + path_.string(), errno);
  file_.reset();
  return ok();
}

}  // namespace galley::inference
