#include "http/certificate.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <memory>

#include "base/file.h"
#include "base/text.h"

namespace galley::http {
namespace {

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};

}  // namespace

Result<std::string> certificate_sha256(const std::filesystem::path& pem_file) {
  constexpr std::int64_t kLargestFile = 1 << 20;
  GALLEY_TRY(const std::string pem, read_file(pem_file, kLargestFile));
  const std::unique_ptr<BIO, FreeBio> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const std::unique_ptr<X509, FreeCertificate> certificate(
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (!certificate || X509_digest(certificate.get(), EVP_sha256(), digest.data(), &length) != 1)
    return Error{Errc::invalid_argument, "there is no certificate in " + pem_file.string()};
  return to_hex({reinterpret_cast<const char*>(digest.data()), length});
}

}  // namespace galley::http
