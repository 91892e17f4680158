#pragma once

#include <string>

namespace galley::cli {

/// The JSON Schema of a job file, indented.
std::string job_schema();

/// A job file to begin with: every field with its sentence, the rarely needed ones commented out.
/// Made from the field table, so it cannot name a field that does not exist.
std::string job_example();

}  // namespace galley::cli
