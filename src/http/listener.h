#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.h"
#include "http/message.h"

namespace galley::http {

struct BoundTcp {
  UniqueFd socket;
  std::string address;  // with the real port
};

/// Listens on "127.0.0.1:7420", "[::1]:0" or "localhost:80".
/// Errors: invalid_argument (unreadable, or not an address of this machine), conflict (in use),
/// forbidden (a port below 1024).
Result<BoundTcp> listen_tcp(std::string_view address);

/// A listening local socket, and the file that it leaves in the file system. Removes the file when
/// it goes, unless another server has replaced it meanwhile.
class LocalSocketFile {
 public:
  LocalSocketFile() = default;
  LocalSocketFile(std::filesystem::path path, std::uint64_t inode)
      : path_(std::move(path)), inode_(inode) {}
  LocalSocketFile(LocalSocketFile&& other) noexcept : path_(std::exchange(other.path_, {})) {
    inode_ = other.inode_;
  }
  LocalSocketFile& operator=(LocalSocketFile&& other) noexcept;
  ~LocalSocketFile() { remove(); }
  void remove() noexcept;

 private:
  std::filesystem::path path_;
  std::uint64_t inode_ = 0;
};

struct BoundLocal {
  UniqueFd socket;
  LocalSocketFile file;
};

/// Mode 0600 before anyone can connect. The socket file of a dead server is replaced.
/// Errors: conflict (a server listens there, or the path is some other file), invalid_argument
/// (longer than a socket address holds), not_found, forbidden.
Result<BoundLocal> listen_local(const std::filesystem::path& path);

/// Address and, for local sockets, user of the process at the other end.
Peer peer_of(int socket);

}  // namespace galley::http
