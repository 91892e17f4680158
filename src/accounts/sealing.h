#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galley::accounts {

/// A key of AES-256; its id is the beginning of its SHA-256, so that a wrong key is recognised.
struct Key {
  std::string id;  // 16 hexadecimal digits
  std::array<unsigned char, 32> bytes{};
};

/// Errors: internal (no randomness).
Result<Key> make_key();

/// The text of a key file, one key in 64 hexadecimal digits on each line, the one in use first; and
/// back. Pure. Errors: corrupt.
std::string print_keys(const std::vector<Key>& keys);
Result<std::vector<Key>> parse_keys(std::string_view text);

/// Errors: not_found (no file), forbidden (others may read it), corrupt; all name the file and
/// --secrets-key.
Result<std::vector<Key>> read_keys(const std::filesystem::path& file);
Status write_keys(const std::filesystem::path& file, const std::vector<Key>& keys);

/// A nonce of 12 bytes, the ciphertext, a tag of 16. `bound_to` is not stored and must be the same
/// to open. Errors: internal.
Result<std::string> seal(const Key& key, std::string_view text, std::string_view bound_to);
/// Errors: corrupt (another key, another binding, or changed bytes).
Result<std::string> open_sealed(const Key& key, std::string_view sealed, std::string_view bound_to);

}  // namespace galley::accounts
