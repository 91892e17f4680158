#include <fcntl.h>
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkostemp
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "http/message.h"

namespace galley::http {

Result<std::shared_ptr<BodyFile>> BodyFile::create(const std::filesystem::path& folder) {
  std::string name = (folder / "body-XXXXXX").string();
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) return system_error("cannot keep the request's body in " + folder.string(), errno);
  return std::shared_ptr<BodyFile>(new BodyFile(name, fd));
}

BodyFile::~BodyFile() {
  ::close(fd_);
  ::unlink(path_.c_str());
}

Status BodyFile::append(std::string_view bytes) {
  GALLEY_TRY_STATUS(write_all(fd_, bytes));
  size_ += bytes.size();
  return ok();
}

}  // namespace galley::http
