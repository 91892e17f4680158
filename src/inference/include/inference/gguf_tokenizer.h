#pragma once

#include "inference/gguf.h"
#include "text/tokenizer.h"

namespace galley::inference {

/// The tokenizer that a GGUF file's tokenizer.* keys define. Errors: corrupt (a key is missing or
/// of another type, lists of different lengths); unsupported (naming the model or pre-tokenizer).
Result<text::TokenizerSpec> tokenizer_of(const Gguf& file);

}  // namespace galley::inference
