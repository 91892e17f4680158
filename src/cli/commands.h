#pragma once

#include <vector>

#include "cli/upgrade.h"
#include "command.h"
#include "session.h"

namespace galley::cli {

// Each adds the commands of its topic. The session outlives the commands.
void add_job_commands(std::vector<Command>& commands, Session& session);
void add_job_list_commands(std::vector<Command>& commands, Session& session);
void add_why_commands(std::vector<Command>& commands, Session& session);
void add_log_commands(std::vector<Command>& commands, Session& session);
void add_node_commands(std::vector<Command>& commands, Session& session);
void add_controller_commands(std::vector<Command>& commands, Session& session);
void add_team_commands(std::vector<Command>& commands, Session& session);
void add_reservation_commands(std::vector<Command>& commands, Session& session);
void add_study_commands(std::vector<Command>& commands, Session& session);
void add_tune_commands(std::vector<Command>& commands, Session& session);
void add_run_commands(std::vector<Command>& commands, Session& session);
void add_dataset_commands(std::vector<Command>& commands, Session& session);
void add_snapshot_commands(std::vector<Command>& commands, Session& session);
void add_model_commands(std::vector<Command>& commands, Session& session);
void add_deploy_commands(std::vector<Command>& commands, Session& session);
void add_predict_commands(std::vector<Command>& commands, Session& session);
void add_text_commands(std::vector<Command>& commands, Session& session);
void add_account_commands(std::vector<Command>& commands, Session& session);
void add_user_commands(std::vector<Command>& commands, Session& session);
void add_token_commands(std::vector<Command>& commands, Session& session);
void add_secret_commands(std::vector<Command>& commands, Session& session);
void add_audit_commands(std::vector<Command>& commands, Session& session);
void add_tls_commands(std::vector<Command>& commands, Session& session);
void add_file_commands(std::vector<Command>& commands, Session& session,
                       const UpgradeSources& upgrade);
void add_estimate_commands(std::vector<Command>& commands, Session& session);
void add_alert_commands(std::vector<Command>& commands, Session& session);
void add_report_commands(std::vector<Command>& commands, Session& session);
void add_doctor_commands(std::vector<Command>& commands, Session& session,
                         const UpgradeSources& upgrade);

inline constexpr const char* kJobGroup = "Jobs";
inline constexpr const char* kRecordGroup = "Runs and data";
inline constexpr const char* kModelGroup = "Models";
inline constexpr const char* kOtherGroup = "This machine and you";

}  // namespace galley::cli
