#pragma once

#include "llm_server/llm_server_bench.h"

namespace CLI {
class App;
}

/// Adds the options of `galley bench llm-server`.
void add_llm_server_options(CLI::App& command, galley::bench::LlmServerBenchOptions& with);
