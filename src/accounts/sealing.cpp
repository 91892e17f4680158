#include "sealing.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/file.h"
#include "base/text.h"

namespace galley::accounts {
namespace {

constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kKeyDigits = 64;
constexpr std::int64_t kMostKeyFileBytes = 64 << 10;

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)>;

Cipher new_cipher() { return {EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free}; }

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

Key key_of(const std::array<unsigned char, 32>& bytes) {
  constexpr std::size_t kIdDigits = 16;
  const std::string_view raw(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return {sha256_hex(raw).substr(0, kIdDigits), bytes};
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

Error sealing_failed() { return {Errc::internal, "a secret cannot be sealed: OpenSSL refused"}; }

Error about_file(Error error) {
  error.field = "--secrets-key";
  return error;
}

}  // namespace

Result<Key> make_key() {
  std::array<unsigned char, 32> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    return Error{Errc::internal, "no randomness for a key"};
  return key_of(bytes);
}

std::string print_keys(const std::vector<Key>& keys) {
  std::string text;
  for (const Key& key : keys) {
    for (const unsigned char byte : key.bytes) text += fmt::format("{:02x}", byte);
    text += '\n';
  }
  return text;
}

Result<std::vector<Key>> parse_keys(std::string_view text) {
  std::vector<Key> keys;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    std::array<unsigned char, 32> bytes{};
    bool fine = line.size() == kKeyDigits;
    for (std::size_t i = 0; fine && i < bytes.size(); ++i) {
      const int high = digit_of(line[2 * i]);
      const int low = digit_of(line[2 * i + 1]);
      fine = high >= 0 && low >= 0;
      bytes[i] = static_cast<unsigned char>(high * 16 + low);
    }
    if (!fine)
      return Error{Errc::corrupt,
                   fmt::format("line {} is no key", keys.size() + 1),
                   {},
                   "64 hexadecimal digits on each line"};
    keys.push_back(key_of(bytes));
  }
  if (keys.empty())
    return Error{Errc::corrupt, "there is no key in it", {}, "64 hexadecimal digits on each line"};
  return keys;
}

Result<std::vector<Key>> read_keys(const std::filesystem::path& file) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) {
    if (errno == ENOENT)
      return Error{Errc::not_found, "the key of the secrets, " + file.string() + ", is not there",
                   "--secrets-key", "the file with which they were sealed",
                   "put it back from where it is kept; without it the secrets must be set again"};
    return about_file(system_error("cannot read the key of the secrets, " + file.string(), errno));
  }
  if ((info.st_mode & 077) != 0)
    return Error{Errc::forbidden,
                 fmt::format("the key of the secrets, {}, may be read by others (mode {:o})",
                             file.string(), info.st_mode & 0777U),
                 "--secrets-key", "mode 600", "chmod 600 " + file.string()};
  auto text = read_file(file, kMostKeyFileBytes);
  if (!text) return about_file(std::move(text).error());
  auto keys = parse_keys(*text);
  OPENSSL_cleanse(text->data(), text->size());
  if (keys) return keys;
  Error error = std::move(keys).error();
  error.message = "the key of the secrets, " + file.string() + ", cannot be used: " + error.message;
  return about_file(std::move(error));
}

Status write_keys(const std::filesystem::path& file, const std::vector<Key>& keys) {
  return write_file_atomic(file, print_keys(keys), Durability::disk, 0600);
}

Result<std::string> seal(const Key& key, std::string_view text, std::string_view bound_to) {
  const Cipher cipher = new_cipher();
  std::string sealed(kNonceBytes + text.size() + kTagBytes, '\0');
  unsigned char* out = bytes_of(sealed);
  int length = 0;
  const bool fine =
      cipher && RAND_bytes(out, static_cast<int>(kNonceBytes)) == 1 &&
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.bytes.data(), out) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &length, bytes_of(bound_to),
                        static_cast<int>(bound_to.size())) == 1 &&
      EVP_EncryptUpdate(cipher.get(), out + kNonceBytes, &length, bytes_of(text),
                        static_cast<int>(text.size())) == 1 &&
      EVP_EncryptFinal_ex(cipher.get(), out + kNonceBytes + text.size(), &length) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(kTagBytes),
                          out + kNonceBytes + text.size()) == 1;
  if (!fine) return sealing_failed();
  return sealed;
}

Result<std::string> open_sealed(const Key& key, std::string_view sealed,
                                std::string_view bound_to) {
  const Error wrong{Errc::corrupt, "it was sealed with another key, or changed since"};
  if (sealed.size() < kNonceBytes + kTagBytes) return wrong;
  const Cipher cipher = new_cipher();
  std::string text(sealed.size() - kNonceBytes - kTagBytes, '\0');
  std::string tag(sealed.substr(sealed.size() - kTagBytes));
  const unsigned char* in = bytes_of(sealed);
  int length = 0;
  unsigned char none = 0;
  const bool fine =
      cipher &&
      EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.bytes.data(), in) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &length, bytes_of(bound_to),
                        static_cast<int>(bound_to.size())) == 1 &&
      EVP_DecryptUpdate(cipher.get(), bytes_of(text), &length, in + kNonceBytes,
                        static_cast<int>(text.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(kTagBytes),
                          tag.data()) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), &none, &length) == 1;
  if (!fine) return wrong;
  return text;
}

}  // namespace galley::accounts
