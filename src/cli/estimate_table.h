#pragma once

#include <string>

#include "session.h"

namespace galley::cli {

/// "$12.50", "$1750".
std::string money_text(double usd);
/// "4 h 10 min"; empty for nothing.
std::string seconds_text(double seconds);

/// The answer to a question about a training: a row for each configuration, and the reason.
void print_advice_table(const Session& session, const Json& answer, bool all);

}  // namespace galley::cli
