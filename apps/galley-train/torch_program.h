#pragma once

#include "base/result.h"

/// Becomes galley-train-torch, which stands beside this program, with the same arguments: what
/// needs libtorch is a program of its own, since loading its 288 libraries takes half a second.
/// Returns only when that is not possible. Errors: not_found, saying what to install.
galley::Error become_torch_program(char** arguments);
