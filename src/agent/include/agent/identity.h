#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "protocol/ids.h"

namespace galley::agent {

/// Where controllers are and how to know that it is they.
struct ControllerAccess {
  std::vector<std::string> addresses;  // "https://host:7420"; any of them may lead
  std::string ca_file;                 // trust anchor beside the system's
  std::string pinned_sha256;           // of the one certificate to be trusted
  std::string credential;              // of this agent; empty before it has joined
};

/// Who this agent is, from the day it joined: DATA/agent/identity.json (mode 0600).
struct Identity {
  NodeId node_id;
  std::string name;
  ControllerAccess access;
};

/// Nothing when this folder has not joined. Errors: corrupt, those of the file system.
Result<std::optional<Identity>> read_identity(const std::filesystem::path& data_folder);
Status write_identity(const std::filesystem::path& data_folder, const Identity& identity);

/// Tells this folder on this machine from every copy of it: a digest of the machine's id and of the
/// folder's inode and time of birth. Errors: those of reading them.
Result<std::string> machine_mark(const std::filesystem::path& data_folder);

/// Offers the one-time token to the controllers in turn until one answers. A token that ends in
/// ".DIGEST" also says which certificate to trust. Blocks. Errors: the refusal; unavailable (none
/// could be reached: the last reason).
Result<Identity> join(ControllerAccess access, std::string token, const std::string& name,
                      const std::filesystem::path& data_folder);

}  // namespace galley::agent
