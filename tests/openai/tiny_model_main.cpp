// Writes a model of random weights that is loaded in a moment: tiny_model OUT.gguf
#include <cstdio>

#include "inference/synth.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const galley::inference::SynthShape shape{.architecture = "llama",
                                            .name = "tiny",
                                            .layers = 2,
                                            .width = 128,
                                            .heads = 4,
                                            .kv_heads = 2,
                                            .feed_forward = 256,
                                            .context = 1024,
                                            .vocabulary = 512};
  const auto written =
      galley::inference::synthesize(shape, {.mix = galley::inference::QuantMix::q8_0}, argv[1]);
  if (written) return 0;
  std::fprintf(stderr, "%s\n", describe(written.error()).c_str());
  return 1;
}
