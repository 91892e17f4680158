#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/result.h"

namespace galley::agent {

/// Opens files with the rights of the account whose job names them: an agent that is root must not
/// read for a job what the job may not read itself. The rights are those of one thread, by
/// setfsuid(2).
class FileReader {
 public:
  /// With our own rights.
  FileReader() = default;

  /// With those of the account to which the attempt's progress file was given when it began; ours
  /// where that is us. May block: its groups are looked up. Errors: those of stat.
  static Result<FileReader> of_attempt(const std::filesystem::path& attempt_folder);
  static FileReader of_account(uid_t uid, gid_t gid);

  /// While one lives, this thread has those rights, which it must not have had before.
  class Rights {
   public:
    explicit Rights(const FileReader& reader) : reader_(reader) { reader_.take(); }
    Rights(const Rights&) = delete;
    Rights& operator=(const Rights&) = delete;
    ~Rights() { reader_.give_back(); }

   private:
    const FileReader& reader_;
  };

  /// While one lives within Rights, this thread has its own rights again.
  class OwnRights {
   public:
    explicit OwnRights(const FileReader& reader) : reader_(reader) { reader_.give_back(); }
    OwnRights(const OwnRights&) = delete;
    OwnRights& operator=(const OwnRights&) = delete;
    ~OwnRights() { reader_.take(); }

   private:
    const FileReader& reader_;
  };

 private:
  struct As {
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;
    std::vector<gid_t> our_groups;
  };
  void take() const;
  void give_back() const;
  std::optional<As> as_;
};

}  // namespace galley::agent
