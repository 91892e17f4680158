#include <fmt/format.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>

#include "build_context.h"
#include "code_version.h"
#include "commands.h"
#include "fields.h"
#include "guides.h"
#include "interrupts.h"
#include "logs.h"
#include "references.h"
#include "spec_file.h"
#include "watch.h"
#include "when.h"

namespace galley::cli {
namespace {

struct SubmitOptions {
  std::string file;
  std::string name;
  bool wait = false;
  bool dry_run = false;
};

struct RunOptions {
  std::string name;
  std::string team;
  std::string priority_class;
  std::string memory;
  std::string max_runtime;
  std::string gpu_type;
  std::string gpu_memory;
  std::string start_at;
  std::string deadline;
  std::string reservation;
  std::string image;
  std::int64_t gpus = 0;
  std::int64_t gpu_milli = 0;
  std::int64_t cpus = 1;
  std::int64_t nodes = 1;
  std::vector<std::string> env;
  std::vector<std::string> datasets;
  std::vector<std::string> words;         // the program, when no -- stands before it
  std::vector<std::string> after_dashes;  // the program after --
  bool detach = false;
  bool dry_run = false;
};

/// The job's own code; 1 for one that failed or was cancelled without any.
int exit_code_of_job(const Json& job) {
  const Json& code = child_of(job, "exit_code");
  const std::string state = text_of(job, "state");
  if (state == "succeeded") return 0;
  const bool told = state == "failed" && code.is_number_integer() && code.get<std::int64_t>() > 0;
  return told ? static_cast<int>(code.get<std::int64_t>() & 0xff) : 1;
}

void note_end(const Session& session, const Json& job) {
  const std::string reason = text_of(job, "reason");
  session.note(fmt::format("{} {}{}{}", text_of(job, "id"), text_of(job, "state"),
                           reason.empty() ? "" : ": ", reason));
}

void add_code_version(Json& spec, const std::filesystem::path& folder) {
  if (!spec.is_object() || spec.contains("code")) return;
  if (Json code = code_version(folder); !code.is_null()) spec["code"] = std::move(code);
}

/// Where the job's code is, as far as it is on this machine.
std::filesystem::path folder_of_job(const Json& spec, const std::string& file) {
  std::error_code error;
  const std::string workdir = spec.is_object() ? text_of(spec, "workdir") : std::string();
  if (!workdir.empty() && std::filesystem::is_directory(workdir, error)) return workdir;
  const auto beside = std::filesystem::path(file).parent_path();
  return beside.empty() || file == "-" ? std::filesystem::path(".") : beside;
}

Result<int> submit(Session& session, const SubmitOptions& options) {
  GALLEY_TRY(SpecFile file, read_spec_file(options.file));
  if (!options.name.empty() && file.json.is_object()) file.json["name"] = options.name;
  GALLEY_TRY_STATUS(freeze_context(session, file));
  if (!options.dry_run) add_code_version(file.json, folder_of_job(file.json, options.file));
  const Draft draft{.spec = file.json, .file = &file};
  if (options.dry_run) return dry_run(session, draft);
  GALLEY_TRY(const Json answer, submit_draft(session, draft));
  const std::string id = text_of(answer, "id");
  if (!session.flags.json) {
    print_out(id + "\n");
    if (!options.wait)
      session.note(fmt::format("{} is {}; `galley logs -f {}` follows it", text_of(answer, "name"),
                               text_of(answer, "state"), id));
    note_wait(session, id);
  }
  if (!options.wait) {
    if (session.flags.json) session.print_json(answer);
    return 0;
  }
  const Interrupts interrupts([&](int) {
    print_note(fmt::format("\n{} goes on; `galley cancel {}` stops it\n", id, id));
    exit_interrupted();
  });
  GALLEY_TRY(const Json job, wait_for_job(session, id, [](const Json& now) {
               return is_final_state(text_of(now, "state"));
             }));
  if (session.flags.json) session.print_json(job);
  note_end(session, job);
  return exit_code_of_job(job);
}

Result<Json> spec_of(const RunOptions& options) {
  Json spec{{"kind", "job"}, {"version", 1}};
  std::vector<std::string> command = options.words;
  command.insert(command.end(), options.after_dashes.begin(), options.after_dashes.end());
  if (command.empty())
    return Error{Errc::invalid_argument,
                 "galley run: which program?",
                 {},
                 {},
                 "galley run [OPTIONS] -- PROGRAM ARGUMENTS"};
  spec["command"] = command;
  std::error_code error;
  const auto folder = std::filesystem::current_path(error);
  if (error) return system_error("cannot tell the current folder", error.value());
  // Inside a container the folder here means nothing.
  if (options.image.empty()) spec["workdir"] = folder.string();
  if (!options.image.empty()) spec["image"] = options.image;
  spec["resources"] = {{"gpus", options.gpus}, {"cpus", options.cpus}};
  if (!options.memory.empty()) spec["resources"]["memory"] = options.memory;
  if (!options.gpu_type.empty()) spec["resources"]["gpu_type"] = options.gpu_type;
  if (!options.gpu_memory.empty()) spec["resources"]["gpu_memory"] = options.gpu_memory;
  if (options.gpu_milli != 0) spec["resources"]["gpu_milli"] = options.gpu_milli;
  if (options.nodes != 1) spec["resources"]["nodes"] = options.nodes;
  if (!options.name.empty()) spec["name"] = options.name;
  if (!options.team.empty()) spec["team"] = options.team;
  if (!options.priority_class.empty()) spec["priority_class"] = options.priority_class;
  if (!options.max_runtime.empty()) spec["max_runtime"] = options.max_runtime;
  if (!options.reservation.empty()) spec["reservation"] = options.reservation;
  if (!options.start_at.empty()) {
    GALLEY_TRY(const WallTime start, parse_time_here("--start-at", options.start_at));
    spec["start_at"] = to_rfc3339(start);
  }
  if (!options.deadline.empty()) {
    GALLEY_TRY(const WallTime wanted, parse_time_here("--deadline", options.deadline));
    spec["deadline"] = to_rfc3339(wanted);
  }
  if (!options.datasets.empty()) spec["datasets"] = options.datasets;
  for (const std::string& pair : options.env) {
    const std::size_t equals = pair.find('=');
    const std::string name = pair.substr(0, equals);
    // As docker and env do: a bare NAME takes the value that it has here.
    const char* here = std::getenv(name.c_str());
    if (equals == std::string::npos && here == nullptr)
      return Error{Errc::invalid_argument,
                   fmt::format("--env {}: it has no value here", name),
                   {},
                   "NAME=VALUE"};
    spec["env"][name] = equals == std::string::npos ? std::string(here) : pair.substr(equals + 1);
  }
  return spec;
}

/// Asks for the end of the job, from the thread of the interrupts and over its own connection.
void cancel_from_interrupt(Session& session, const std::string& id) {
  print_note(
      fmt::format("\nasking {} to stop; Ctrl-C again leaves it to itself, and "
                  "`galley run --detach` starts one that outlives the terminal\n",
                  id));
  auto client = session.connect(std::chrono::seconds(10));
  if (!client) return print_note(describe(client.error()) + "\n");
  http::Client::Call call{
      .method = "POST", .target = "/api/v1/jobs/" + id + "/cancel", .body = "{}"};
  call.headers.set("Content-Type", "application/json");
  const auto answer = http::expect_ok((*client)->send(std::move(call)));
  if (!answer && answer.error().code != Errc::conflict) print_note(describe(answer.error()) + "\n");
}

Result<int> run(Session& session, const RunOptions& options) {
  GALLEY_TRY(Json spec, spec_of(options));
  if (!options.dry_run) add_code_version(spec, ".");
  const Draft draft{.spec = std::move(spec)};
  if (options.dry_run) return dry_run(session, draft);
  GALLEY_TRY(const Json job, submit_draft(session, draft));
  const std::string id = text_of(job, "id");
  if (options.detach) {
    if (session.flags.json) {
      session.print_json(job);
    } else {
      print_out(id + "\n");
      note_wait(session, id);
    }
    return 0;
  }
  session.note(id);
  note_wait(session, id);
  std::atomic<bool> interrupted = false;
  const Interrupts interrupts([&](int count) {
    interrupted = true;
    if (count > 1) {
      print_note(fmt::format("\n{} is left to itself; `galley logs -f {}` follows it\n", id, id));
      exit_interrupted();
    }
    cancel_from_interrupt(session, id);
  });
  GALLEY_TRY(const Json last, follow_log(session, id, {}));
  if (text_of(last, "state") != "succeeded") note_end(session, last);
  constexpr int kInterrupted = 130;
  return interrupted ? kInterrupted : exit_code_of_job(last);
}

Result<int> cancel(Session& session, const std::vector<std::string>& names) {
  Json answers{{"items", Json::array()}};
  int code = 0;
  for (const std::string& name : names) {
    const auto job = resolve_job(session, name).and_then([&](const std::string& id) {
      return session.post("/api/v1/jobs/" + id + "/cancel", Json::object());
    });
    if (!job) {
      // The others are still to be cancelled.
      session.note(describe(job.error()));
      if (code == 0) code = exit_code_of(job.error().code);
      continue;
    }
    if (!session.flags.json)
      print_out(fmt::format("{}  {}\n", text_of(*job, "id"), text_of(*job, "state")));
    answers["items"].push_back(*job);
  }
  if (session.flags.json) session.print_json(answers);
  return code;
}

}  // namespace

void add_job_commands(std::vector<Command>& commands, Session& session) {
  commands.push_back(
      {.name = "submit",
       .help = "Queue the job that a file describes",
       .group = kJobGroup,
       .examples = {"galley submit job.yaml",
                    "galley submit --dry-run job.yaml when would it start, what would help?",
                    "galley submit --wait job.yaml    and return the job's exit code",
                    "galley submit build.yaml         freezes the folder of build.context first",
                    "galley init job > job.yaml       an example to begin with"},
       .define = [&session](Options& options) -> Action {
         auto wanted = std::make_shared<SubmitOptions>();
         options.positional("FILE", wanted->file, "YAML or JSON; - is standard input")
             .text("--name", wanted->name, "NAME", "Instead of the name in the file")
             .flag("--dry-run", wanted->dry_run,
                   "Only say when it would start and what would help; 4 when it never could")
             .flag("-w,--wait", wanted->wait, "Wait for its end and return its exit code");
         return [&session, wanted] { return submit(session, *wanted); };
       }});

  auto wanted = std::make_shared<RunOptions>();
  commands.push_back(
      {.name = "run",
       .help = "Run a program as a job in this folder and follow it",
       .group = kJobGroup,
       .examples = {"galley run -- python3 train.py --epochs 3",
                    "galley run --gpus 1 --memory 32GiB --dataset nsmc@1 -- ./train.sh",
                    "galley run --image python:3.12 -- python3 -c 'print(1)'",
                    "galley run --detach --max-runtime 90m -- make all"},
       .define = [&session, wanted](Options& options) -> Action {
         options
             .optional_positionals("PROGRAM", wanted->words, "With its arguments; put -- before it")
             .number("--gpus", wanted->gpus, "N", "GPUs; none when absent")
             .text("--gpu-type", wanted->gpu_type, "WORDS", "In the GPU's name, such as H100")
             .text("--gpu-memory", wanted->gpu_memory, "SIZE", "Each GPU has it, such as 24GiB")
             .number("--gpu-milli", wanted->gpu_milli, "N", "Thousandths of one GPU, with --gpus 1")
             .number("--nodes", wanted->nodes, "N", "Nodes, each with all of these; 1 when absent")
             .number("--cpus", wanted->cpus, "N", "Processors; 1 when absent")
             .text("--memory", wanted->memory, "SIZE", "Such as 32GiB; no limit when absent")
             .text("--image", wanted->image, "IMAGE", "Container image to run it in")
             .text("--name", wanted->name, "NAME", "Shown in lists; the program's when absent")
             .text("--team", wanted->team, "TEAM", "Who pays for it")
             .text("--class", wanted->priority_class, "CLASS", "urgent, normal or idle")
             .texts("-e,--env", wanted->env, "NAME[=VALUE]", "A variable of the environment")
             .texts("--dataset", wanted->datasets, "NAME@V", "A frozen data set that it reads")
             .text("--max-runtime", wanted->max_runtime, "TIME", "Stopped after it, such as 90m")
             .text("--start-at", wanted->start_at, "TIME", "Not before; 2026-12-01T09:00 is here")
             .text("--deadline", wanted->deadline, "TIME",
                   "An alarm tells once it is expected to end later")
             .text("--reservation", wanted->reservation, "ID", "Run inside this booking")
             .flag("--dry-run", wanted->dry_run,
                   "Only say when it would start and what would help; 4 when it never could")
             .flag("-d,--detach", wanted->detach, "Print the id and leave it running");
         return [&session, wanted] { return run(session, *wanted); };
       },
       .after_dashes = &wanted->after_dashes});

  commands.push_back({.name = "cancel",
                      .help = "Stop jobs, or take them out of the queue",
                      .group = kJobGroup,
                      .examples = {"galley cancel last", "galley cancel JOB JOB"},
                      .define = [&session](Options& options) -> Action {
                        auto jobs = std::make_shared<std::vector<std::string>>();
                        options.positionals("JOB", *jobs, "Ids, their beginnings or ends, or last");
                        return [&session, jobs] { return cancel(session, *jobs); };
                      }});
}

}  // namespace galley::cli
