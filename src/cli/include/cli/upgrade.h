#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace galley::cli {

/// What a program knows and speaks, as `galley version --json` tells it.
struct ProgramFacts {
  struct Step {
    std::int64_t number = 0;
    bool only_adds = false;  // programs that do not know it go on
  };
  std::string version;
  std::vector<Step> schema;  // in order; empty: it does not tell, being older than this command
  std::int64_t protocol = 1;
  std::int64_t oldest_protocol = 1;
};

/// An installation as its records have it.
struct InstallationFacts {
  struct Member {
    std::string name;
    std::string version;
    std::int64_t protocol = 1;
  };
  std::vector<std::int64_t> counted;    // steps that a program must know to open the records
  std::vector<std::int64_t> additions;  // steps that it need not know
  std::vector<Member> controllers;      // that are alive and share the database
  std::vector<Member> agents;
  std::int64_t backup_bytes = 0;  // records and blobs
  std::int64_t free_bytes = 0;    // where the backup would go
  std::string backup_folder;
};

/// How a program that does not tell what it knows took an empty database of the same schema.
struct Trial {
  bool opened = false;
  std::string said;
};

struct UpgradeFacts {
  ProgramFacts program;
  InstallationFacts installation;
  std::optional<Trial> trial;  // where program.schema is empty
};

struct UpgradeAnswer {
  enum class Verdict { fine, note, refused };
  struct Finding {
    std::string subject;
    Verdict verdict = Verdict::fine;
    std::string text;
  };
  std::vector<Finding> findings;
  std::vector<std::string> steps;  // what to do, in order; empty when refused
  bool allowed = true;
};

/// Whether the installation can go over to the program, forwards or back, one process at a time,
/// and how. Pure.
UpgradeAnswer check_upgrade(const UpgradeFacts& facts);

/// What `galley doctor --upgrade` is asked.
struct UpgradeQuestion {
  std::string program;
  std::string data;
  std::string database;       // empty: the data folder's own
  std::string backup_folder;  // empty: the data folder
};

/// What only the composition root can find out.
struct UpgradeSources {
  std::function<ProgramFacts()> this_program;
  std::function<Result<UpgradeFacts>(const UpgradeQuestion&)> facts;
};

}  // namespace galley::cli
