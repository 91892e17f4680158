#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace galley {

/// True for well-formed UTF-8: no overlong forms, no surrogates, nothing past U+10FFFF.
bool is_valid_utf8(std::string_view text);
/// The text with every malformed byte replaced by U+FFFD; equal to the input when it is valid.
std::string to_valid_utf8(std::string_view text);

/// The candidate closest to `word` by edit distance, or empty when none is close enough to be
/// what the writer meant (more than a third of the letters differ). For "did you mean".
std::string nearest(std::string_view word, std::span<const std::string> candidates);

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);

/// Lower-case hexadecimal of the bytes.
std::string to_hex(std::string_view bytes);
/// SHA-256 of the bytes as 64 hexadecimal characters.
std::string sha256_hex(std::string_view bytes);
/// `count` bytes from the system's random source as hexadecimal; for tokens and one-time codes.
std::string random_hex(std::size_t count);
/// Compares secrets in time that depends only on their lengths.
bool equal_constant_time(std::string_view a, std::string_view b);

}  // namespace galley
