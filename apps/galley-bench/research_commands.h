#pragma once

#include <functional>

#include "base/result.h"
#include "report.h"

namespace CLI {
class App;
}

/// What the command line asks to be measured.
struct Chosen {
  std::function<galley::Result<galley::bench::BenchReport>()> run;
  bool may_end = false;  // Ctrl-C may simply end it
  bool json = false;
};

/// Adds what measures tuning, estimates and the records of experiments.
void add_research_commands(CLI::App& app, Chosen& chosen);
