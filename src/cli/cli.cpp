#include "cli/cli.h"

#include "base/file.h"
#include "commands.h"
#include "program_folder.h"

namespace galley::cli {
namespace {

/// `bench NAME` and `simulate` live in galley-bench, so that the server never links peers' drivers.
void add_offline_tools(std::vector<Command>& commands) {
  commands.push_back({.name = "bench",
                      .help = "Measure this machine and Galley on it",
                      .group = "Offline",
                      .verbatim = [](const std::vector<std::string>& arguments) {
                        return become_program("galley-bench", arguments);
                      }});
  commands.push_back({.name = "simulate",
                      .help = "Replay a history of jobs: policies compared, purchases judged",
                      .group = "Offline",
                      .verbatim = [](std::vector<std::string> arguments) {
                        arguments.insert(arguments.begin(), "simulate");
                        return become_program("galley-bench", arguments);
                      }});
}

Command command_tree(Session& session, const Extra& extra) {
  Command root{.name = "galley",
               .help = "A machine-learning platform in one program.",
               .examples = {"galley up                          start everything on this machine",
                            "galley run -- python3 train.py     run a program as a job, follow it",
                            "galley jobs --watch                see what is going on",
                            "galley predict nsmc 'some text'    ask a deployed model"}};
  for (const ExtraCommand& command : extra.commands)
    root.children.push_back({.name = command.name,
                             .help = command.help,
                             .group = command.group,
                             .verbatim = command.run});
  add_job_commands(root.children, session);
  add_job_list_commands(root.children, session);
  add_why_commands(root.children, session);
  add_log_commands(root.children, session);
  add_node_commands(root.children, session);
  add_controller_commands(root.children, session);
  add_team_commands(root.children, session);
  add_reservation_commands(root.children, session);
  add_tune_commands(root.children, session);
  add_study_commands(root.children, session);
  add_run_commands(root.children, session);
  add_dataset_commands(root.children, session);
  add_snapshot_commands(root.children, session);
  add_model_commands(root.children, session);
  add_deploy_commands(root.children, session);
  add_predict_commands(root.children, session);
  add_text_commands(root.children, session);
  add_account_commands(root.children, session);
  add_user_commands(root.children, session);
  add_token_commands(root.children, session);
  add_secret_commands(root.children, session);
  add_audit_commands(root.children, session);
  add_tls_commands(root.children, session);
  add_file_commands(root.children, session, extra.upgrade);
  add_estimate_commands(root.children, session);
  add_alert_commands(root.children, session);
  add_report_commands(root.children, session);
  add_doctor_commands(root.children, session, extra.upgrade);
  add_offline_tools(root.children);
  return root;
}

}  // namespace

int run_cli(int argc, char** argv, const Extra& extra) {
  if (!open_standard_streams()) return 1;
  Session session;
  const Command root = command_tree(session, extra);
  std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  if (arguments.size() == 1 && arguments.front() == "--version") arguments = {"version"};
  if (!arguments.empty() && arguments.front() == "help") {
    arguments.erase(arguments.begin());
    arguments.push_back("--help");
  }
  const auto globals = [&session](Options& options) {
    options.text("--server", session.flags.server, "ADDRESS", "http://HOST:PORT or a socket's path")
        .text("--data", session.flags.data, "FOLDER", "The server of this data folder")
        .text("--ca", session.flags.ca, "FILE", "Certificates to trust besides the system's")
        .text("--token", session.flags.token, "TOKEN", "Instead of the stored one")
        .flag("--json", session.flags.json, "The API's JSON, as one document");
  };
  const auto code = run_command(root, std::move(arguments), globals);
  if (code) return *code;
  session.note(describe(code.error()));
  return exit_code_of(code.error().code);
}

}  // namespace galley::cli
