#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "protocol/job_spec.h"
#include "studies/studies.h"

namespace galley::studies {

/// The job of one attempt: {NAME} in the command, the environment's values, the working folder and
/// that of event files is the setting of that name, {trial}, {seed} and {budget} what they say;
/// {checkpoint} stays where there is one, for the agent, and is nothing else. Braces around other
/// words stay. All settings are in GALLEY_PARAMS, too. Pure.
protocol::JobSpec job_of_trial(const protocol::JobSpec& job, const StudyRecord& study,
                               const Order& order);

/// A setting as a word of a command line: 0.1, adam, true; nothing for null.
std::string setting_text(const Json& value);

}  // namespace galley::studies
