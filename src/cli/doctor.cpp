#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "base/units.h"
#include "commands.h"
#include "fields.h"
#include "program_folder.h"
#include "table.h"

namespace galley::cli {
namespace fs = std::filesystem;
namespace {

enum class DoctorVerdict { fine, note, broken };

struct DoctorFinding {
  std::string subject;
  DoctorVerdict verdict = DoctorVerdict::fine;
  std::string text;
};

/// Less than this and a job's log or a snapshot may not fit.
constexpr std::int64_t kLeastFreeBytes = std::int64_t{1} << 30;

std::string_view word_of(DoctorVerdict verdict) {
  switch (verdict) {
    case DoctorVerdict::fine:
      return "ok";
    case DoctorVerdict::note:
      return "note";
    case DoctorVerdict::broken:
      return "broken";
  }
  return "";
}

DoctorFinding check_server(Session& session, const Settings& settings) {
  const auto who = session.get("/api/v1/whoami");
  if (!who) return {"server", DoctorVerdict::broken, describe(who.error())};
  return {"server", DoctorVerdict::fine,
          fmt::format("{} answers as version {}", settings.server.value, text_of(*who, "version"))};
}

/// The folder itself, or the nearest one above it that exists.
fs::path existing_part(fs::path folder) {
  std::error_code error;
  folder = fs::absolute(folder, error);
  while (!fs::exists(folder, error) && folder.has_relative_path()) folder = folder.parent_path();
  return folder;
}

DoctorFinding check_data_folder(const Settings& settings) {
  const fs::path folder = existing_part(settings.data.value);
  std::error_code error;
  const bool exists = fs::is_directory(settings.data.value, error);
  if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
    return {"data folder", DoctorVerdict::broken,
            describe(system_error("cannot write to " + folder.string(), errno))};
  return {"data folder", DoctorVerdict::fine,
          settings.data.value + (exists ? " can be written" : " will be made by galley up")};
}

DoctorFinding check_disk(const Settings& settings) {
  struct statvfs disk {};
  const fs::path folder = existing_part(settings.data.value);
  if (::statvfs(folder.c_str(), &disk) != 0)
    return {"disk", DoctorVerdict::broken, describe(system_error(folder.string(), errno))};
  const auto free_bytes = static_cast<std::int64_t>(disk.f_bavail * disk.f_frsize);
  const bool enough = free_bytes >= kLeastFreeBytes;
  return {
      "disk", enough ? DoctorVerdict::fine : DoctorVerdict::note,
      fmt::format("{} free{}", format_bytes(free_bytes), enough ? "" : "; jobs may run out of it")};
}

DoctorFinding check_program(const std::string& name, const std::string& needed_for) {
  const fs::path path = program_folder() / name;
  if (::access(path.c_str(), X_OK) == 0) return {name, DoctorVerdict::fine, path.string()};
  return {name, DoctorVerdict::broken,
          fmt::format("{} is not there; {}", path.string(), needed_for)};
}

DoctorFinding check_gpus() {
  const char* path = std::getenv("PATH");
  for (const std::string_view folder : split(path == nullptr ? "" : path, ':')) {
    const fs::path program = fs::path(folder) / "nvidia-smi";
    if (!folder.empty() && ::access(program.c_str(), X_OK) == 0)
      return {"GPUs", DoctorVerdict::fine, program.string() + " tells what there is"};
  }
  return {"GPUs", DoctorVerdict::note, "nvidia-smi is not in PATH; this machine offers no GPUs"};
}

DoctorFinding check_cgroups() {
  std::error_code error;
  const fs::path root = "/sys/fs/cgroup";
  const bool v2 = fs::exists(root / "cgroup.controllers", error);
  const bool v1 = fs::exists(root / "memory", error);
  if (!v1 && !v2)
    return {"cgroups", DoctorVerdict::note,
            "not mounted; limits of memory are kept by the process tree alone"};
  const fs::path place = v2 ? root : root / "memory";
  const bool writable = ::access(place.c_str(), W_OK) == 0;
  return {"cgroups", writable ? DoctorVerdict::fine : DoctorVerdict::note,
          fmt::format("version {}, {}", v2 ? 2 : 1,
                      writable ? "writable" : "not writable by you; limits are weaker")};
}

std::string_view word_of(UpgradeAnswer::Verdict verdict) {
  switch (verdict) {
    case UpgradeAnswer::Verdict::fine:
      return "ok";
    case UpgradeAnswer::Verdict::note:
      return "note";
    case UpgradeAnswer::Verdict::refused:
      return "refused";
  }
  return "";
}

void print_upgrade(const Session& session, const UpgradeAnswer& answer) {
  if (session.flags.json) {
    Json items = Json::array();
    for (const auto& one : answer.findings)
      items.push_back(
          {{"check", one.subject}, {"verdict", word_of(one.verdict)}, {"text", one.text}});
    session.print_json({{"items", items}, {"allowed", answer.allowed}, {"steps", answer.steps}});
    return;
  }
  for (const auto& one : answer.findings)
    print_out(fmt::format("{:<10} {:<8} {}\n", one.subject, word_of(one.verdict), one.text));
  print_out(answer.allowed ? "\nIt can be done, in this order:\n" : "\nIt cannot be done so.\n");
  for (std::size_t i = 0; i < answer.steps.size(); ++i)
    print_out(fmt::format("  {}. {}\n", i + 1, answer.steps[i]));
}

struct DoctorOptions {
  std::string upgrade;
  std::string database;
  std::string backup_to;
};

Result<int> judge_upgrade(Session& session, const UpgradeSources& sources,
                          const DoctorOptions& options) {
  if (!sources.facts)
    return Error{Errc::unsupported, "this program has no records to look at", "--upgrade"};
  GALLEY_TRY(const Settings settings, session.settings());
  GALLEY_TRY(const UpgradeFacts facts, sources.facts({.program = options.upgrade,
                                                      .data = settings.data.value,
                                                      .database = options.database,
                                                      .backup_folder = options.backup_to}));
  const UpgradeAnswer answer = check_upgrade(facts);
  print_upgrade(session, answer);
  constexpr int kConnectionRefused = 4;
  return answer.allowed ? 0 : kConnectionRefused;
}

Result<int> doctor(Session& session) {
  GALLEY_TRY(const Settings settings, session.settings());
  std::vector<DoctorFinding> findings{check_server(session, settings)};
  findings.push_back(check_data_folder(settings));
  findings.push_back(check_disk(settings));
  findings.push_back(check_program("galley-job", "no job can be started"));
  findings.push_back(check_program("galley-train", "built-in trainers cannot be used"));
  findings.push_back(check_gpus());
  findings.push_back(check_cgroups());

  const bool broken = std::ranges::any_of(
      findings, [](const DoctorFinding& one) { return one.verdict == DoctorVerdict::broken; });
  if (session.flags.json) {
    Json items = Json::array();
    for (const DoctorFinding& one : findings)
      items.push_back(
          {{"check", one.subject}, {"verdict", word_of(one.verdict)}, {"text", one.text}});
    session.print_json({{"items", items}, {"healthy", !broken}});
    return broken ? 1 : 0;
  }
  Table table({{.title = "CHECK"}, {.title = "VERDICT"}, {.title = "FOUND"}});
  for (const DoctorFinding& one : findings) {
    const Style style = one.verdict == DoctorVerdict::fine   ? Style::good
                        : one.verdict == DoctorVerdict::note ? Style::busy
                                                             : Style::bad;
    table.add({{one.subject}, {std::string(word_of(one.verdict)), style}, {one.text}});
  }
  print_out(table.print(session.terminal.width, session.terminal.color));
  return broken ? 1 : 0;
}

}  // namespace

void add_doctor_commands(std::vector<Command>& commands, Session& session,
                         const UpgradeSources& upgrade) {
  commands.push_back(
      {.name = "doctor",
       .help = "Check what Galley needs from this machine, or whether another program would do",
       .group = kOtherGroup,
       .examples = {"galley doctor", "galley doctor --json",
                    "galley doctor --upgrade /opt/galley-0.2/galley",
                    "galley doctor --upgrade ./galley --database postgresql://galley@db1/galley"},
       .define = [&session, upgrade](Options& options) -> Action {
         auto chosen = std::make_shared<DoctorOptions>();
         options
             .text("--upgrade", chosen->upgrade, "PROGRAM",
                   "Whether this installation can go over to that galley, or back to it, and how")
             .text("--database", chosen->database, "ADDRESS",
                   "With --upgrade: where the records are, if not in the data folder")
             .text("--backup-to", chosen->backup_to, "FOLDER",
                   "With --upgrade: where the backup before it would go");
         return [&session, upgrade, chosen] {
           return chosen->upgrade.empty() ? doctor(session)
                                          : judge_upgrade(session, upgrade, *chosen);
         };
       }});
}

}  // namespace galley::cli
