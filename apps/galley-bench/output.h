#pragma once

#include "base/json.h"
#include "report.h"

/// The one form of every benchmark's result: name, figures, peers, machine, commit, seeds, seconds.
galley::Json to_json(const galley::bench::BenchReport& report, const galley::Json& machine,
                     double seconds);

/// A document of another form with machine and commit, which every result names.
galley::Json with_machine(galley::Json document, const galley::Json& machine);

/// The figures as a table for people, on stdout.
void print_table(const galley::bench::BenchReport& report);
