#include "store_tools.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <optional>

#include "backup.h"
#include "base/clock.h"
#include "base/file.h"
#include "data_folder.h"
#include "store/database.h"

namespace galley::app {
namespace {

namespace fs = std::filesystem;
constexpr int kToolUsage = 2;
constexpr Millis kPatientTimeout{600'000};  // a table may be large
constexpr Millis kQuietFor{2'000};
constexpr Millis kRedraw{100};
constexpr std::string_view kSqlite = "sqlite:";

struct StoreOptions {
  std::string from;
  std::string to;
  std::string data;
};

/// One line on stderr for what takes longer than two seconds; nothing where no person looks.
class Bar {
 public:
  ~Bar() {
    if (drawn_) fmt::print(stderr, "\r\x1b[K");
  }
  void show(const char* step, double ratio) {
    const Instant now = system_clock().steady();
    if (!visible_ || now - begin_ < kQuietFor || now - last_ < kRedraw) return;
    last_ = now;
    drawn_ = true;
    constexpr int kColumns = 30;
    fmt::print(stderr, "\r\x1b[K{:<22} [{:<{}}] {:3.0f} %", step,
               std::string(static_cast<std::size_t>(ratio * kColumns), '#'), kColumns, ratio * 100);
    std::fflush(stderr);
  }
  StepProgress steps() {
    return [this](const char* step, double ratio) { show(step, ratio); };
  }
  store::CopyProgress rows(const char* step) {
    return [this, step](std::int64_t done, std::int64_t total) {
      show(step, total == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(total));
    };
  }

 private:
  const bool visible_ = ::isatty(STDERR_FILENO) != 0;
  const Instant begin_ = system_clock().steady();
  Instant last_{};
  bool drawn_ = false;
};

std::string file_of(const std::string& address) {
  return address.starts_with(kSqlite) ? address.substr(kSqlite.size()) : std::string();
}

/// A database that must be there already is not made by opening it.
enum class Open { existing, any };

Result<std::unique_ptr<store::Database>> open_store(const std::string& address, Open open) {
  const std::string file = file_of(address);
  if (open == Open::existing && !file.empty() && !fs::exists(file))
    return Error{Errc::not_found, "there is no database " + file};
  if (address.starts_with("postgresql://") || address.starts_with("postgres://"))
    return store::open_postgresql(
        {.url = address, .write_timeout = kPatientTimeout, .read_timeout = kPatientTimeout});
  return store::open(address);
}

/// Holds the lock of the data folder that a database file lies in, so that no server runs on it.
Result<std::optional<DataFolder>> lock_around(const std::string& address) {
  const fs::path file = file_of(address);
  if (file.empty() || !fs::exists(file.parent_path() / "lock")) return std::optional<DataFolder>();
  GALLEY_TRY(auto folder, DataFolder::open(file.parent_path()));
  return std::optional<DataFolder>(std::move(folder));
}

std::int64_t total_rows(const std::vector<store::TableContent>& tables) {
  std::int64_t rows = 0;
  for (const auto& table : tables) rows += table.rows;
  return rows;
}

Result<fs::path> empty_folder(const std::string& name) {
  const fs::path folder = fs::absolute(name).lexically_normal();
  GALLEY_TRY_STATUS(make_folders(folder));
  std::error_code error;
  if (!fs::is_empty(folder, error) || error)
    return Error{Errc::conflict, folder.string() + " is not an empty folder", "--to"};
  if (::chmod(folder.c_str(), 0700) != 0)
    return system_error("cannot protect " + folder.string(), errno);
  return folder;
}

Status copy(const StoreOptions& options, Bar& bar) {
  if (options.from == options.to)
    return Error{Errc::invalid_argument, "source and target are the same database"};
  GALLEY_TRY(const auto source_lock, lock_around(options.from));
  GALLEY_TRY(const auto target_lock, lock_around(options.to));
  GALLEY_TRY(const auto from, open_store(options.from, Open::existing));
  GALLEY_TRY(const auto to, open_store(options.to, Open::any));
  GALLEY_TRY(const auto tables, store::copy_database(*from, *to, bar.rows("copying rows")));
  fmt::print("copied {} rows of {} tables, and read them back equal\n", total_rows(tables),
             tables.size());
  return ok();
}

Status backup(const StoreOptions& options, Bar& bar) {
  GALLEY_TRY(const auto from, open_store(options.from, Open::existing));
  GALLEY_TRY(const fs::path folder, empty_folder(options.to));
  Backup made{.made_at = to_rfc3339(system_clock().wall()), .tables = {}, .blob_count = 0};
  {
    GALLEY_TRY(const auto to, store::open_sqlite({.path = (folder / "galley.db").string()}));
    GALLEY_TRY(made.tables, store::copy_database(*from, *to, bar.rows("copying rows")));
  }
  if (!options.data.empty()) {
    const fs::path data = options.data;
    GALLEY_TRY(made.blob_count, copy_blobs(data / "blobs", folder / "blobs", bar.steps()));
    GALLEY_TRY_STATUS(verify_blobs(folder / "blobs", bar.steps()));
    GALLEY_TRY(const auto kept, store::open_sqlite({.path = (folder / "galley.db").string()}));
    GALLEY_TRY_STATUS(verify_references(*kept, folder / "blobs", bar.steps()));
    GALLEY_TRY_STATUS(copy_secrets(data, folder));
  }
  GALLEY_TRY_STATUS(write_backup_list(folder, made));
  fmt::print("backed up {} rows of {} tables and {} blobs to {}\n", total_rows(made.tables),
             made.tables.size(), made.blob_count, folder.string());
  return ok();
}

Status restore(const StoreOptions& options, Bar& bar) {
  const fs::path folder = options.from;
  GALLEY_TRY(const Backup list, read_backup_list(folder));
  const fs::path data = options.data;
  std::optional<DataFolder> locked;
  if (!options.data.empty()) {
    // Before the folder is opened, which would make secrets of its own.
    GALLEY_TRY_STATUS(make_folders(data));
    GALLEY_TRY_STATUS(copy_secrets(folder, data));
    GALLEY_TRY(locked, DataFolder::open(data));
  } else {
    GALLEY_TRY(locked, lock_around(options.to));
  }
  GALLEY_TRY(const auto from,
             open_store("sqlite:" + (folder / "galley.db").string(), Open::existing));
  GALLEY_TRY(const auto found, store::read_contents(*from, bar.rows("checking the backup")));
  if (found != list.tables)
    return Error{Errc::corrupt, "the backup in " + folder.string() +
                                    " is damaged: galley.db does not hold what backup.json lists"};
  GALLEY_TRY(const auto to, open_store(options.to, Open::any));
  GALLEY_TRY(const auto tables, store::copy_database(*from, *to, bar.rows("copying rows")));
  std::int64_t blobs = 0;
  if (!options.data.empty()) {
    GALLEY_TRY(blobs, copy_blobs(folder / "blobs", data / "blobs", bar.steps()));
    GALLEY_TRY_STATUS(verify_blobs(data / "blobs", bar.steps()));
    GALLEY_TRY_STATUS(verify_references(*to, data / "blobs", bar.steps()));
  }
  fmt::print("restored {} rows of {} tables and {} blobs as of {}\n", total_rows(tables),
             tables.size(), blobs, list.made_at);
  return ok();
}

Status check(const StoreOptions& options, Bar& bar) {
  GALLEY_TRY(const auto database, open_store(options.from, Open::existing));
  GALLEY_TRY(const auto damage, store::find_damage(*database));
  if (!damage.empty())
    return Error{Errc::corrupt,
                 fmt::format("{} faults; the first: {}", damage.size(), damage[0]),
                 {},
                 {},
                 "restore the last backup"};
  GALLEY_TRY(const auto tables, store::read_contents(*database, bar.rows("reading rows")));
  for (const auto& table : tables) fmt::print("{:<20} {:>12}\n", table.table, table.rows);
  std::int64_t blobs = 0;
  if (!options.data.empty()) {
    const fs::path folder = fs::path(options.data) / "blobs";
    GALLEY_TRY(blobs, verify_blobs(folder, bar.steps()));
    GALLEY_TRY_STATUS(verify_references(*database, folder, bar.steps()));
  }
  fmt::print("{}: sound; {} rows, {} blobs\n", database->description(), total_rows(tables), blobs);
  return ok();
}

using Tool = Status (*)(const StoreOptions& options, Bar& bar);

constexpr const char* kExamples =
    "Works on the records of an installation while no server runs on them.\n\n"
    "Examples:\n"
    "  galley store copy --from sqlite:/srv/galley/galley.db --to postgresql://galley@db1/galley\n"
    "  galley store backup --data /srv/galley --to /backup/monday\n"
    "  galley store backup --from postgresql://galley@db1/galley --data /srv/galley --to "
    "/backup/2\n"
    "  galley store restore --from /backup/monday --data /srv/new\n"
    "  galley store check --data /srv/galley\n\n"
    "A backup may be made while a server runs. Passwords are better kept in ~/.pgpass than in an\n"
    "address.";

void add_tool(CLI::App& app, const char* name, const char* help, StoreOptions& options, Tool tool,
              Tool& chosen) {
  CLI::App* command = app.add_subcommand(name, help);
  const bool restores = tool == restore;
  const bool writes = tool != check;
  constexpr const char* kAddress = "sqlite:PATH or postgresql://USER@HOST:PORT/NAME";
  command->add_option("--from", options.from, restores ? "Folder of the backup" : kAddress)
      ->required(restores || tool == copy);
  if (writes)
    command->add_option("--to", options.to, tool == backup ? "New or empty folder" : kAddress)
        ->required(!restores);
  if (tool != copy)
    command->add_option("--data", options.data, "Data folder, for its blobs and its galley.db");
  command->callback([&chosen, tool] { chosen = tool; });
}

/// Where only the data folder was named, its own database is meant.
Status complete(StoreOptions& options, Tool tool) {
  const std::string own = options.data.empty() ? "" : "sqlite:" + options.data + "/galley.db";
  std::string& address = tool == restore ? options.to : options.from;
  if (address.empty()) address = own;
  if (!address.empty()) return ok();
  return Error{Errc::invalid_argument, "which database is meant is not said",
               tool == restore ? "--to" : "--from", "an address, or --data FOLDER"};
}

}  // namespace

int run_store_tools(const std::vector<std::string>& arguments) {
  CLI::App app(kExamples, "galley store");
  app.require_subcommand(1);
  StoreOptions options;
  Tool tool = nullptr;
  add_tool(app, "copy", "Move everything to an empty database", options, copy, tool);
  add_tool(app, "backup", "Write records, blobs and secrets to a folder", options, backup, tool);
  add_tool(app, "restore", "Bring a backup back into an empty database", options, restore, tool);
  add_tool(app, "check", "Read everything and look for damage", options, check, tool);
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kToolUsage;
  }
  auto status = complete(options, tool);
  if (status) {
    Bar bar;
    status = tool(options, bar);
  }
  if (status) return 0;
  fmt::print(stderr, "galley store: {}\n", describe(status.error()));
  return status.error().code == Errc::invalid_argument ? kToolUsage : 1;
}

}  // namespace galley::app
