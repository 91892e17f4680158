#include "process/attempt_files.h"

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "base/text.h"

namespace galley::process {
namespace {

using Texts = std::vector<std::string>;

// Ten years: longer spans are mistakes, and every sum of a few of them still fits.
constexpr std::int64_t kMostMillis = std::int64_t{10} * 366 * 24 * 3600 * 1000;
constexpr std::int64_t kMostBytes = std::int64_t{1} << 60;
constexpr double kMostCpus = 1e6;

/// Reads the fields of one JSON object into typed values; remembers the first fault.
class Reader {
 public:
  Reader(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object_.is_object()) fail({}, "an object");
  }

  void text(const char* key, std::string& out) {
    const Json* value = find(key);
    if (value == nullptr) return;
    if (!value->is_string()) return fail(key, "a text");
    out = value->get<std::string>();
  }
  void texts(const char* key, Texts& out) {
    const Json* value = find(key);
    if (value == nullptr) return;
    const auto is_text = [](const Json& item) { return item.is_string(); };
    if (!value->is_array() || !std::ranges::all_of(*value, is_text))
      return fail(key, "a list of texts");
    out = value->get<Texts>();
  }
  void integer(const char* key, std::int64_t& out, std::int64_t least, std::int64_t most) {
    const Json* value = find(key);
    if (value == nullptr) return;
    const bool fits = value->is_number_unsigned()
                          ? value->get<std::uint64_t>() <= static_cast<std::uint64_t>(most)
                          : value->is_number_integer() && value->get<std::int64_t>() <= most;
    if (!fits || value->get<std::int64_t>() < least)
      return fail(key, "an integer from " + std::to_string(least) + " to " + std::to_string(most));
    out = value->get<std::int64_t>();
  }
  /// Of an account or a device: required, and never the one that means "none".
  void number_of_id(const char* key, std::uint32_t& out) {
    std::int64_t count = -1;
    integer(key, count, 0, std::int64_t{0xFFFFFFFE});
    if (count < 0) return fail(key, "a number");
    out = static_cast<std::uint32_t>(count);
  }
  void flag(const char* key, bool& out) {
    const Json* value = find(key);
    if (value == nullptr) return;
    if (!value->is_boolean()) return fail(key, "true or false");
    out = value->get<bool>();
  }
  void number(const char* key, double& out, double most) {
    const Json* value = find(key);
    if (value == nullptr) return;
    if (!value->is_number() || !(value->get<double>() >= 0) || value->get<double>() > most)
      return fail(key, "a number that is not negative");
    out = value->get<double>();
  }
  void millis(const char* key, Millis& out) {
    std::int64_t count = out.count();
    integer(key, count, 0, kMostMillis);
    out = Millis{count};
  }
  void wall(const char* key, WallTime& out) {
    std::int64_t count = to_ms(out);
    integer(key, count, 0, std::int64_t{1} << 53);
    out = from_ms(count);
  }
  void optional_int(const char* key, std::optional<int>& out) {
    if (find(key) == nullptr) return;
    std::int64_t count = 0;
    integer(key, count, 0, 255);
    out = static_cast<int>(count);
  }
  template <class Enum, std::size_t N>
  void word(const char* key, Enum& out, const Enum (&choices)[N]) {
    std::string name;
    text(key, name);
    if (name.empty()) return;
    for (const Enum choice : choices)
      if (to_string(choice) == name) {
        out = choice;
        return;
      }
    fail(key, "one of the known words");
  }
  const Json* find(const char* key) const {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }
  void fail(const std::string& key, std::string expected) {
    if (fault_) return;
    fault_ = Error{Errc::invalid_argument, where_ + (key.empty() ? "" : "." + key) + " is wrong",
                   key, std::move(expected)};
  }
  /// Visits a reader of each object in the list of that name.
  template <class Visit>
  void each(const char* key, Visit visit) {
    const Json* list = find(key);
    if (list == nullptr) return;
    if (!list->is_array()) return fail(key, "a list");
    for (const Json& item : *list) {
      Reader inner(item, key);
      visit(inner);
      take(inner);
    }
  }
  void take(const Reader& inner) {
    if (!fault_) fault_ = inner.fault_;
  }

  template <class T>
  Result<T> finish(T value) const {
    if (fault_) return *fault_;
    return value;
  }

 private:
  const Json& object_;
  std::string where_;
  std::optional<Error> fault_;
};

constexpr LimitBy kLimitWords[] = {LimitBy::not_asked, LimitBy::cgroup_v1, LimitBy::cgroup_v2,
                                   LimitBy::rlimit, LimitBy::nothing};
constexpr ExitReason kReasonWords[] = {ExitReason::exited,       ExitReason::signalled,
                                       ExitReason::timeout,      ExitReason::cancelled,
                                       ExitReason::start_failed, ExitReason::out_of_memory};

Json to_json(const Enforcement& enforcement) {
  return {{"cpus", to_string(enforcement.cpus)},
          {"memory", to_string(enforcement.memory)},
          {"processes", to_string(enforcement.processes)},
          {"devices", to_string(enforcement.devices)},
          {"tree", to_string(enforcement.tree)}};
}

void read_enforcement(Reader& outer, Enforcement& out) {
  const Json* object = outer.find("enforcement");
  if (object == nullptr) return;
  Reader reader(*object, "enforcement");
  reader.word("cpus", out.cpus, kLimitWords);
  reader.word("memory", out.memory, kLimitWords);
  reader.word("processes", out.processes, kLimitWords);
  reader.word("devices", out.devices, kLimitWords);
  reader.word("tree", out.tree, kLimitWords);
  outer.take(reader);
}

Error wrong(std::string field, std::string message, std::string expected) {
  return Error{Errc::invalid_argument, std::move(message), std::move(field), std::move(expected)};
}

bool is_passable(std::string_view text) {
  return text.find('\0') == std::string_view::npos && is_valid_utf8(text);
}

}  // namespace

Status check_spec(const AttemptSpec& spec) {
  if (spec.argv.empty() || spec.argv[0].empty())
    return wrong("argv", "there is no command to run", "a program and its arguments");
  for (const Texts* list : {&spec.argv, &spec.env, &spec.after})
    for (const std::string& text : *list)
      if (!is_passable(text))
        return wrong(list == &spec.env    ? "env"
                     : list == &spec.argv ? "argv"
                                          : "after",
                     "'" + to_valid_utf8(text.substr(0, 64)) + "' cannot be passed to a program",
                     "UTF-8 without NUL");
  for (const std::string& entry : spec.env)
    if (entry.find('=') == std::string::npos || entry.starts_with('='))
      return wrong("env", "'" + entry.substr(0, 64) + "' is no environment entry", "NAME=value");
  if (!spec.workdir.starts_with('/') || !is_passable(spec.workdir))
    return wrong("workdir", "'" + to_valid_utf8(spec.workdir) + "' is no absolute folder",
                 "a path that starts with '/'");
  if (!(spec.limits.cpus >= 0) || spec.limits.cpus > kMostCpus || spec.limits.memory_bytes < 0 ||
      spec.limits.processes < 0)
    return wrong("limits", "a limit is negative or not a number", "0 (none) or more");
  if (spec.log_limit_bytes < kLeastLogLimitBytes || spec.log_limit_bytes > kMostBytes)
    return wrong(
        "log_limit_bytes",
        "a log limit of " + std::to_string(spec.log_limit_bytes) + " bytes is out of range",
        std::to_string(kLeastLogLimitBytes) + " bytes or more");
  if (spec.grace.count() < 0 || spec.max_runtime.count() < 0)
    return wrong("grace_ms", "a time span is negative", "0 or more");
  if (spec.denied_devices.size() > kMostDeniedDevices)
    return wrong("denied_devices",
                 std::to_string(spec.denied_devices.size()) + " devices are too many",
                 "at most " + std::to_string(kMostDeniedDevices));
  if (spec.account && (spec.account->name.empty() || !is_passable(spec.account->name)))
    return wrong("account.name", "the account has no name", "the name of an account");
  for (const ReadOnlyBind& bind : spec.read_only_binds)
    if (!bind.source.is_absolute() || !bind.target.is_absolute())
      return wrong("read_only_binds",
                   "'" + bind.source.string() + "' at '" + bind.target.string() +
                       "' is not a pair of absolute paths",
                   "paths that start with '/'");
  return ok();
}

std::string print_spec(const AttemptSpec& spec) {
  Json binds = Json::array();
  for (const ReadOnlyBind& bind : spec.read_only_binds)
    binds.push_back({{"source", bind.source.string()}, {"target", bind.target.string()}});
  Json devices = Json::array();
  for (const CharDevice& device : spec.denied_devices)
    devices.push_back({{"major", device.major}, {"minor", device.minor}});
  Json document{{"argv", spec.argv},
                {"env", spec.env},
                {"inherited_env", spec.inherited_env},
                {"workdir", spec.workdir},
                {"limits",
                 {{"cpus", spec.limits.cpus},
                  {"memory_bytes", spec.limits.memory_bytes},
                  {"processes", spec.limits.processes}}},
                {"log_limit_bytes", spec.log_limit_bytes},
                {"grace_ms", spec.grace.count()},
                {"max_runtime_ms", spec.max_runtime.count()},
                {"cgroup", spec.cgroup_name},
                {"denied_devices", devices},
                {"read_only_binds", binds},
                {"after", spec.after}};
  if (spec.account) {
    document["account"] = {
        {"name", spec.account->name}, {"uid", spec.account->uid}, {"gid", spec.account->gid}};
    document["become_account"] = spec.become_account;
  }
  return dump_json(document);
}

Result<AttemptSpec> parse_spec(std::string_view json) {
  GALLEY_TRY(const Json document, parse_json(json));
  AttemptSpec spec;
  Reader reader(document, "spec");
  reader.texts("argv", spec.argv);
  reader.texts("env", spec.env);
  reader.texts("inherited_env", spec.inherited_env);
  reader.text("workdir", spec.workdir);
  if (const Json* object = reader.find("limits")) {
    Reader limits(*object, "limits");
    limits.number("cpus", spec.limits.cpus, kMostCpus);
    limits.integer("memory_bytes", spec.limits.memory_bytes, 0, kMostBytes);
    limits.integer("processes", spec.limits.processes, 0, 1 << 30);
    reader.take(limits);
  }
  reader.integer("log_limit_bytes", spec.log_limit_bytes, kLeastLogLimitBytes, kMostBytes);
  reader.millis("grace_ms", spec.grace);
  reader.millis("max_runtime_ms", spec.max_runtime);
  reader.text("cgroup", spec.cgroup_name);
  reader.texts("after", spec.after);
  if (const Json* object = reader.find("account")) {
    Reader account(*object, "account");
    spec.account.emplace();
    account.text("name", spec.account->name);
    account.number_of_id("uid", spec.account->uid);
    account.number_of_id("gid", spec.account->gid);
    reader.take(account);
    reader.flag("become_account", spec.become_account);
  }
  reader.each("denied_devices", [&](Reader& numbers) {
    CharDevice& device = spec.denied_devices.emplace_back();
    numbers.number_of_id("major", device.major);
    numbers.number_of_id("minor", device.minor);
  });
  reader.each("read_only_binds", [&](Reader& bind) {
    std::string source;
    std::string target;
    bind.text("source", source);
    bind.text("target", target);
    spec.read_only_binds.push_back({source, target});
  });
  GALLEY_TRY(spec, reader.finish(std::move(spec)));
  GALLEY_TRY_STATUS(check_spec(spec));
  return spec;
}

std::string_view to_string(ExitReason reason) {
  switch (reason) {
    case ExitReason::exited:
      return "exited";
    case ExitReason::signalled:
      return "signalled";
    case ExitReason::timeout:
      return "timeout";
    case ExitReason::cancelled:
      return "cancelled";
    case ExitReason::start_failed:
      return "start_failed";
    case ExitReason::out_of_memory:
      return "out_of_memory";
  }
  return "exited";
}

bool AttemptExit::operator==(const AttemptExit& other) const {
  return print_exit(*this) == print_exit(other);
}

std::string print_exit(const AttemptExit& exit) {
  Json document = {{"reason", to_string(exit.reason)},
                   {"message", exit.message},
                   {"started_ms", to_ms(exit.started)},
                   {"finished_ms", to_ms(exit.finished)},
                   {"max_rss_bytes", exit.max_rss_bytes},
                   {"cpu_ms", exit.cpu_ms},
                   {"log_bytes", exit.log_bytes},
                   {"log_lost_bytes", exit.log_lost_bytes},
                   {"progress_lost_bytes", exit.progress_lost_bytes},
                   {"enforcement", to_json(exit.enforcement)}};
  if (exit.exit_code) document["exit_code"] = *exit.exit_code;
  if (exit.signal) document["signal"] = *exit.signal;
  return dump_json(document) + "\n";
}

Result<AttemptExit> parse_exit(std::string_view json) {
  GALLEY_TRY(const Json document, parse_json(json));
  AttemptExit exit;
  Reader reader(document, "exit");
  reader.word("reason", exit.reason, kReasonWords);
  reader.optional_int("exit_code", exit.exit_code);
  reader.optional_int("signal", exit.signal);
  reader.text("message", exit.message);
  reader.wall("started_ms", exit.started);
  reader.wall("finished_ms", exit.finished);
  for (const auto& [key, out] :
       {std::pair("max_rss_bytes", &exit.max_rss_bytes), std::pair("cpu_ms", &exit.cpu_ms),
        std::pair("log_bytes", &exit.log_bytes), std::pair("log_lost_bytes", &exit.log_lost_bytes),
        std::pair("progress_lost_bytes", &exit.progress_lost_bytes)})
    reader.integer(key, *out, 0, kMostBytes);
  read_enforcement(reader, exit.enforcement);
  if (exit.exit_code.has_value() == exit.signal.has_value())
    reader.fail("exit_code", "either exit_code or signal");
  return reader.finish(std::move(exit));
}

std::string print_supervisor(const SupervisorRecord& record) {
  Texts folders;
  for (const auto& folder : record.cgroup_folders) folders.push_back(folder.string());
  return dump_json({{"pid", record.identity.pid},
                    {"start_ticks", record.identity.start_ticks},
                    {"boot_id", record.identity.boot_id},
                    {"cgroup_folders", folders},
                    {"enforcement", to_json(record.enforcement)}}) +
         "\n";
}

Result<SupervisorRecord> parse_supervisor(std::string_view json) {
  GALLEY_TRY(const Json document, parse_json(json));
  SupervisorRecord record;
  std::int64_t pid = 0;
  std::int64_t start_ticks = 0;
  Texts folders;
  Reader reader(document, "pid");
  reader.integer("pid", pid, 1, 1 << 30);
  reader.integer("start_ticks", start_ticks, 0, std::int64_t{1} << 62);
  reader.text("boot_id", record.identity.boot_id);
  reader.texts("cgroup_folders", folders);
  read_enforcement(reader, record.enforcement);
  if (pid == 0) reader.fail("pid", "a process id");
  record.identity.pid = static_cast<pid_t>(pid);
  record.identity.start_ticks = static_cast<std::uint64_t>(start_ticks);
  record.cgroup_folders.assign(folders.begin(), folders.end());
  return reader.finish(std::move(record));
}

}  // namespace galley::process
