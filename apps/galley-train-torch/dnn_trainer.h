#pragma once

#include "base/result.h"
#include "dnn_command.h"

/// Compares small networks on each file of rows, as `galley estimate report` shows the other
/// models, and writes OUT/dnn.json: a network of all rows, with "report". Prints the table to
/// stderr. Errors: those of reading and writing; invalid_argument for files that hold no rows.
galley::Status run_dnn(const DnnCommand& command);
