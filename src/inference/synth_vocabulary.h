#pragma once

#include <cstddef>
#include <cstdint>

#include "text/tokenizer.h"

namespace galley::inference {

/// A vocabulary that no one has learned: enough for an engine to take text in and give text out.
/// SentencePiece with byte fallback, `size` at least 320 tokens. Deterministic.
text::TokenizerSpec synth_sentencepiece(std::size_t size, std::uint64_t seed);
/// Byte-level BPE with made-up merges and <|endoftext|>; `size` as above.
text::TokenizerSpec synth_byte_bpe(std::size_t size, std::uint64_t seed);

}  // namespace galley::inference
