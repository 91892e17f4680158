#pragma once

#include "inference/synth.h"

namespace galley::openai {

/// Of a model of random weights that is written and loaded in a moment.
inline inference::SynthShape tiny_shape() {
  return {.architecture = "llama",
          .name = "tiny",
          .layers = 2,
          .width = 128,
          .heads = 4,
          .kv_heads = 2,
          .feed_forward = 256,
          .context = 1024,
          .vocabulary = 512};
}

}  // namespace galley::openai
