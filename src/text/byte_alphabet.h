#pragma once

#include <string>
#include <string_view>

namespace galley::text {

/// GPT-2's spelling of bytes as printable characters: 21-7E, A1-AC and AE-FF stand for themselves,
/// the other 68 bytes for U+0100 onward (a space is U+0120).
char32_t alphabet_char(unsigned char byte);
/// Bytes spelt in the alphabet.
std::string to_alphabet(std::string_view bytes);
/// The bytes that a token's text stands for; the text itself, where it is not of the alphabet (as
/// the names of special tokens are not).
std::string from_alphabet(std::string_view text);

}  // namespace galley::text
