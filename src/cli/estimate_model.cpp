#include "estimate_model.h"

// The assembler takes the file in as it is: a literal of this size would cost the compiler seconds.
asm(".section .rodata\n"
    ".global galley_estimator_begin\n"
    ".global galley_estimator_end\n"
    "galley_estimator_begin:\n"
    ".incbin \"" GALLEY_ESTIMATOR_FILE
    "\"\n"
    "galley_estimator_end:\n"
    ".byte 0\n"
    ".text\n");

extern "C" {
extern const char galley_estimator_begin[];
extern const char galley_estimator_end[];
}

namespace galley::cli {

std::string_view shipped_estimator() {
  return {galley_estimator_begin,
          static_cast<std::size_t>(galley_estimator_end - galley_estimator_begin)};
}

}  // namespace galley::cli
