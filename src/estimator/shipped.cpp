#include "estimator/shipped.h"

// The assembler takes the files in as they are: literals of this size would cost the compiler
// seconds.
asm(".section .rodata\n"
    ".global galley_estimator_begin\n"
    ".global galley_estimator_end\n"
    ".global galley_prices_begin\n"
    ".global galley_prices_end\n"
    "galley_estimator_begin:\n"
    ".incbin \"" GALLEY_ESTIMATOR_FOLDER
    "/model.json\"\n"
    "galley_estimator_end:\n"
    ".byte 0\n"
    "galley_prices_begin:\n"
    ".incbin \"" GALLEY_ESTIMATOR_FOLDER
    "/prices.csv\"\n"
    "galley_prices_end:\n"
    ".byte 0\n"
    ".text\n");

extern "C" {
extern const char galley_estimator_begin[];
extern const char galley_estimator_end[];
extern const char galley_prices_begin[];
extern const char galley_prices_end[];
}

namespace galley::estimator {

std::string_view shipped_model() {
  return {galley_estimator_begin,
          static_cast<std::size_t>(galley_estimator_end - galley_estimator_begin)};
}

std::string_view shipped_prices() {
  return {galley_prices_begin, static_cast<std::size_t>(galley_prices_end - galley_prices_begin)};
}

}  // namespace galley::estimator
