#include "upgrade_facts.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "process/child.h"
#include "protocol/fleet_messages.h"
#include "site.h"
#include "store/database.h"
#include "store/schema.h"

namespace galley::app {
namespace {

namespace fs = std::filesystem;
using cli::InstallationFacts;
using cli::ProgramFacts;
using cli::Trial;
using store::Transaction;

constexpr Millis kProgramTimeout{20'000};
// A controller counts itself every two seconds.
constexpr std::chrono::milliseconds kHeartbeatWatched{2'500};
constexpr int kStepWithControllers = 8;
constexpr int kStepWithPrograms = 9;  // from which on the records say what each program speaks

ProgramFacts this_program() {
  ProgramFacts facts;
  facts.version = kVersion;
  for (const store::Migration& step : store::migrations())
    facts.schema.push_back({step.number, store::is_addition(step)});
  facts.protocol = protocol::kFleetProtocol;
  facts.oldest_protocol = protocol::kOldestFleetProtocol;
  return facts;
}

/// A folder that goes with its owner.
class TrialFolder {
 public:
  static Result<TrialFolder> make() {
    std::string path = (fs::temp_directory_path() / "galley-doctor-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) return system_error("cannot make " + path, errno);
    return TrialFolder(path);
  }
  explicit TrialFolder(fs::path path) : path_(std::move(path)) {}
  TrialFolder(TrialFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TrialFolder& operator=(TrialFolder&&) = delete;
  ~TrialFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

Error not_understood(const std::string& program, const std::string& why) {
  return {Errc::invalid_argument,
          program + " does not answer as galley does: " + why,
          "--upgrade",
          "the path of a galley program",
          {}};
}

Result<ProgramFacts> ask_program(const std::string& program) {
  GALLEY_TRY(const auto output,
             process::run_child({program, "version", "--json"}, {.timeout = kProgramTimeout}));
  if (!output.succeeded()) return not_understood(program, std::string(trim(output.stderr_bytes)));
  const auto answer = parse_json(output.stdout_bytes);
  if (!answer) return not_understood(program, answer.error().message);
  const Json& json = *answer;
  try {
    ProgramFacts facts;
    facts.version = json.at("version").get<std::string>();
    if (!json.contains("schema")) return facts;
    for (const Json& step : json.at("schema").at("steps"))
      facts.schema.push_back(
          {step.at("number").get<std::int64_t>(), step.at("only_adds").get<bool>()});
    facts.protocol = json.at("protocol").at("version").get<std::int64_t>();
    facts.oldest_protocol = json.at("protocol").at("oldest").get<std::int64_t>();
    return facts;
  } catch (const Json::exception& error) {
    return not_understood(program, error.what());
  }
}

/// Opens an empty database of the same schema with the program, as it would open the records.
Result<Trial> try_program(const std::string& program, const InstallationFacts& installation) {
  std::vector<store::Migration> steps;
  for (const store::Migration& step : store::migrations()) {
    const auto has = [&](const auto& numbers) {
      return std::ranges::find(numbers, step.number) != numbers.end();
    };
    if (has(installation.counted) || has(installation.additions)) steps.push_back(step);
  }
  GALLEY_TRY(const auto folder, TrialFolder::make());
  const std::string file = (folder.path() / "galley.db").string();
  GALLEY_TRY_STATUS(store::open_sqlite({.path = file, .durable = false, .migrations = steps}));
  GALLEY_TRY(const auto output,
             process::run_child({program, "store", "check", "--from", "sqlite:" + file},
                                {.timeout = kProgramTimeout}));
  return Trial{.opened = output.succeeded(), .said = std::string(trim(output.stderr_bytes))};
}

/// As they are; nothing is migrated and nothing made.
Result<std::unique_ptr<store::Database>> open_as_it_is(const std::string& address) {
  constexpr std::string_view kSqliteMark = "sqlite:";
  if (!address.starts_with(kSqliteMark))
    return store::open_postgresql({.url = address, .migrations = {}});
  const std::string file = address.substr(kSqliteMark.size());
  if (!fs::exists(file))
    return Error{Errc::not_found,
                 "there are no records in " + file,
                 "--data",
                 {},
                 "name the data folder with --data, or the database with --database"};
  return store::open_sqlite({.path = file, .readers = 1, .migrations = {}});
}

Result<std::map<std::string, std::int64_t>> read_beats(store::Database& database) {
  std::map<std::string, std::int64_t> beats;
  GALLEY_TRY_STATUS(database.read([&](Transaction& transaction) -> Status {
    beats.clear();
    GALLEY_TRY(const auto rows, transaction.query("select name, beats from controllers"));
    for (const auto& row : rows) beats[row.text(0)] = row.integer(1);
    return ok();
  }));
  return beats;
}

/// Those whose count moves; the rows of others are of controllers that died.
Status read_controllers(store::Database& database, bool tells, InstallationFacts& facts) {
  GALLEY_TRY(const auto before, read_beats(database));
  if (before.empty()) return ok();
  std::this_thread::sleep_for(kHeartbeatWatched);
  GALLEY_TRY(const auto now, read_beats(database));
  return database.read([&](Transaction& transaction) -> Status {
    facts.controllers.clear();
    GALLEY_TRY(const auto rows,
               transaction.query(tells ? "select name, version, protocol from controllers"
                                       : "select name, version, 1 from controllers"));
    for (const auto& row : rows) {
      const auto old = before.find(row.text(0));
      const auto fresh = now.find(row.text(0));
      if (fresh != now.end() && (old == before.end() || old->second != fresh->second))
        facts.controllers.push_back({row.text(0), row.text(1), row.integer(2)});
    }
    return ok();
  });
}

Status read_agents(store::Database& database, bool tells, InstallationFacts& facts) {
  return database.read([&](Transaction& transaction) -> Status {
    facts.agents.clear();
    GALLEY_TRY(const auto rows,
               transaction.query(tells ? "select name, version, protocol from agents order by name"
                                       : "select name, '', 1 from agents order by name"));
    for (const auto& row : rows) facts.agents.push_back({row.text(0), row.text(1), row.integer(2)});
    return ok();
  });
}

std::int64_t bytes_in(const fs::path& folder) {
  std::int64_t bytes = 0;
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(folder, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error))
    if (entry->is_regular_file(error)) bytes += static_cast<std::int64_t>(entry->file_size(error));
  return bytes;
}

Result<std::int64_t> database_bytes(store::Database& database) {
  std::int64_t bytes = 0;
  GALLEY_TRY_STATUS(database.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto row,
               transaction.query_one(
                   database.kind() == store::Database::Kind::sqlite
                       ? "select page_count * page_size from pragma_page_count, pragma_page_size"
                       : "select pg_database_size(current_database())"));
    bytes = row->integer(0);
    return ok();
  }));
  return bytes;
}

Status measure_backup(store::Database& database, const cli::UpgradeQuestion& question,
                      InstallationFacts& facts) {
  GALLEY_TRY(facts.backup_bytes, database_bytes(database));
  facts.backup_bytes += bytes_in(fs::path(question.data) / "blobs");
  std::error_code error;
  fs::path folder =
      fs::absolute(question.backup_folder.empty() ? question.data : question.backup_folder, error);
  while (!fs::exists(folder, error) && folder.has_relative_path()) folder = folder.parent_path();
  facts.backup_folder = folder.string();
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0) return system_error(folder.string(), errno);
  facts.free_bytes = static_cast<std::int64_t>(disk.f_bavail * disk.f_frsize);
  return ok();
}

Result<InstallationFacts> look_at_installation(const cli::UpgradeQuestion& question) {
  std::string address = question.database;
  if (const char* set = std::getenv("GALLEY_DATABASE"); address.empty() && set != nullptr)
    address = set;
  if (address.empty()) address = "sqlite:" + question.data + "/galley.db";
  GALLEY_TRY(const auto database, open_as_it_is(address));
  InstallationFacts facts;
  GALLEY_TRY_STATUS(database->read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto schema, store::read_schema(transaction, database->kind()));
    facts.counted = schema.counted;
    facts.additions = schema.additions;
    return ok();
  }));
  if (!facts.counted.empty() && facts.counted.back() > store::migrations().back().number)
    return Error{Errc::unsupported,
                 "the records are of a newer program than this one",
                 {},
                 {},
                 "ask the doctor of the program that runs"};
  const bool tells = std::ranges::find(facts.additions, kStepWithPrograms) != facts.additions.end();
  if (std::ranges::find(facts.counted, kStepWithControllers) != facts.counted.end())
    GALLEY_TRY_STATUS(read_controllers(*database, tells, facts));
  GALLEY_TRY_STATUS(read_agents(*database, tells, facts));
  GALLEY_TRY_STATUS(measure_backup(*database, question, facts));
  return facts;
}

Result<cli::UpgradeFacts> gather(const cli::UpgradeQuestion& question) {
  cli::UpgradeFacts facts;
  GALLEY_TRY(facts.program, ask_program(question.program));
  GALLEY_TRY(facts.installation, look_at_installation(question));
  if (facts.program.schema.empty()) {
    GALLEY_TRY(facts.trial, try_program(question.program, facts.installation));
  }
  return facts;
}

}  // namespace

cli::UpgradeSources upgrade_sources() { return {this_program, gather}; }

}  // namespace galley::app
