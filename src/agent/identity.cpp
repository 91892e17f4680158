#include "agent/identity.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/file.h"
#include "base/text.h"
#include "lane.h"
#include "protocol/fleet_messages.h"

namespace galley::agent {
namespace {

constexpr std::int64_t kLargestIdentity = 64 << 10;
constexpr std::size_t kFingerprintLetters = 64;

std::filesystem::path file_of(const std::filesystem::path& data_folder) {
  return data_folder / "agent" / "identity.json";
}

struct IdentityFile {
  std::int64_t version = 1;
  NodeId node_id;
  std::string name;
  std::vector<std::string> controllers;
  std::string ca_file;
  std::string pinned_sha256;
  std::string credential;
};

}  // namespace
}  // namespace galley::agent

template <>
struct galley::protocol::Fields<galley::agent::IdentityFile> {
  static constexpr std::string_view kind = "identity";
  using S = galley::agent::IdentityFile;
  static constexpr std::tuple table{
      Field<S, std::int64_t>{"version", &S::version, "Form of the file.", true, 1, 1},
      Field<S, NodeId>{"node_id", &S::node_id, "The node.", true},
      Field<S, std::string>{"name", &S::name, "Its name.", true, 1},
      Field<S, std::vector<std::string>>{"controllers", &S::controllers, "Addresses.", true, 1},
      Field<S, std::string>{"ca_file", &S::ca_file, "Trust anchor."},
      Field<S, std::string>{"pinned_sha256", &S::pinned_sha256, "The certificate to trust."},
      Field<S, std::string>{"credential", &S::credential, "The agent's token.", true, 1}};
};

namespace galley::agent {

Result<std::optional<Identity>> read_identity(const std::filesystem::path& data_folder) {
  const auto path = file_of(data_folder);
  auto text = read_file(path, kLargestIdentity);
  if (!text && text.error().code == Errc::not_found) return std::optional<Identity>();
  if (!text) return std::move(text).error();
  auto file = protocol::read_message<IdentityFile>(*text);
  if (!file) return Error{Errc::corrupt, path.string() + ": " + describe(file.error())};
  return std::optional(
      Identity{file->node_id,
               file->name,
               {file->controllers, file->ca_file, file->pinned_sha256, file->credential}});
}

Status write_identity(const std::filesystem::path& data_folder, const Identity& identity) {
  GALLEY_TRY_STATUS(make_folders(data_folder / "agent"));
  const IdentityFile file{.node_id = identity.node_id,
                          .name = identity.name,
                          .controllers = identity.access.addresses,
                          .ca_file = identity.access.ca_file,
                          .pinned_sha256 = identity.access.pinned_sha256,
                          .credential = identity.access.credential};
  return write_file_atomic(file_of(data_folder), protocol::print_message(file) + "\n",
                           Durability::disk, 0600);
}

Result<std::string> machine_mark(const std::filesystem::path& data_folder) {
  // Absent in some containers; the folder alone then has to do.
  const auto machine = read_file("/etc/machine-id", kLargestIdentity);
  struct statx info {};
  if (::statx(AT_FDCWD, data_folder.c_str(), 0, STATX_INO | STATX_BTIME, &info) != 0)
    return system_error("cannot look at " + data_folder.string(), errno);
  std::string mark = machine ? std::string(trim(*machine)) : std::string();
  mark += ":" + std::to_string(info.stx_ino);
  if ((info.stx_mask & STATX_BTIME) != 0)
    mark +=
        ":" + std::to_string(info.stx_btime.tv_sec) + "." + std::to_string(info.stx_btime.tv_nsec);
  return sha256_hex(mark);
}

Result<Identity> join(ControllerAccess access, std::string token, const std::string& name,
                      const std::filesystem::path& data_folder) {
  if (const auto dot = token.rfind('.');
      dot != std::string::npos && token.size() - dot - 1 == kFingerprintLetters) {
    if (access.pinned_sha256.empty()) access.pinned_sha256 = token.substr(dot + 1);
    token.resize(dot);
  }
  GALLEY_TRY(const std::string machine, machine_mark(data_folder));
  const protocol::JoinRequest request{std::string(trim(token)), name, machine};
  Error last{Errc::invalid_argument, "no controller is named", "controller", "http://HOST:PORT"};
  for (const std::string& address : access.addresses) {
    Lane lane(access, -1);
    const auto answer = lane.send(address, {.method = "POST",
                                            .target = "/internal/v1/join",
                                            .body = protocol::print_message(request)});
    if (!answer) {
      last = answer.error();
      if (!is_passing(last.code)) return last;
      continue;
    }
    GALLEY_TRY(auto joined, protocol::read_message<protocol::JoinAnswer>(answer->body));
    access.credential = std::move(joined.credential);
    return Identity{std::move(joined.node_id), name, std::move(access)};
  }
  return last;
}

}  // namespace galley::agent
