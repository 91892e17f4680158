#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/text.h"

namespace galley::blobs {

/// SHA-256 of a file that is too large to hold.
class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new()) {
    GALLEY_CHECK(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1,
                 "SHA-256 must be available");
  }
  void add(std::string_view bytes) {
    GALLEY_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1, "SHA-256");
  }
  std::string hex() {
    std::string digest(32, '\0');
    GALLEY_CHECK(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()),
                                    nullptr) == 1,
                 "SHA-256");
    return to_hex(digest);
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

}  // namespace galley::blobs
