// Writes a model of random weights that is loaded in a moment: tiny_model OUT.gguf
#include <cstdio>

#include "tiny_shape.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto written = galley::inference::synthesize(
      galley::openai::tiny_shape(), {.mix = galley::inference::QuantMix::q8_0}, argv[1]);
  if (written) return 0;
  std::fprintf(stderr, "%s\n", describe(written.error()).c_str());
  return 1;
}
