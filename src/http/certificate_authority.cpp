#include "http/certificate_authority.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/file.h"

namespace galley::http {
namespace {

namespace fs = std::filesystem;

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;

constexpr std::int64_t kLargestPem = 1 << 20;
constexpr int kAuthorityDays = 3650;
constexpr int kMostDays = 3650;
constexpr std::size_t kMostNames = 100;
constexpr long kDaySeconds = 24 * 3600;

struct Authority {
  Certificate certificate;
  Key key;
};

Error failed(const char* step) {
  return Error{Errc::internal, std::string("OpenSSL could not ") + step};
}

bool is_address(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> ignored{};
  return ::inet_pton(AF_INET, name.c_str(), ignored.data()) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), ignored.data()) == 1;
}

bool is_host_name(std::string_view name) {
  if (name.starts_with("*.")) name.remove_prefix(2);
  if (name.empty() || name.size() > 253 || name.front() == '-' || name.front() == '.') return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.';
  });
}

/// "DNS:a,IP:b" for OpenSSL, from names that hold neither comma nor colon but those of addresses.
Result<std::string> alternative_names(const std::vector<std::string>& names) {
  if (names.empty() || names.size() > kMostNames)
    return Error{Errc::invalid_argument, "found " + std::to_string(names.size()) + " names",
                 "names", "1 to " + std::to_string(kMostNames) + " host names or addresses"};
  std::string text;
  for (const std::string& name : names) {
    const bool address = is_address(name);
    if (!address && !is_host_name(name))
      return Error{Errc::invalid_argument, "found '" + name.substr(0, 64) + "'", "names",
                   "a host name such as ml.example.org, or an address such as 10.0.0.7"};
    text += (text.empty() ? "" : ",") + std::string(address ? "IP:" : "DNS:") + name;
  }
  return text;
}

template <class Write>
Result<std::string> pem_of(Write write) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || write(bio.get()) != 1) return failed("print a certificate or key");
  char* bytes = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &bytes);
  return std::string(bytes, static_cast<std::size_t>(length));
}

Result<std::string> pem_of(const Certificate& certificate) {
  return pem_of([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); });
}
Result<std::string> pem_of(const Key& key) {
  return pem_of([&](BIO* bio) {
    return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

Status add_extension(X509* certificate, X509* issuer, int what, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, what, value));
  if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1)
    return failed("describe a certificate");
  return ok();
}

/// A certificate of the key for `days`, without extensions and not yet signed.
Result<Certificate> draft(const Key& key, const std::string& common_name, int days) {
  Certificate certificate(X509_new());
  constexpr int kSerialBytes = 16;
  std::array<unsigned char, kSerialBytes> serial{};
  if (!certificate || RAND_bytes(serial.data(), kSerialBytes) != 1) return failed("draw a number");
  serial[0] = static_cast<unsigned char>((serial[0] & 0x7f) | 0x40);  // positive, and never short
  const std::unique_ptr<BIGNUM, Deleter<BN_free>> number(
      BN_bin2bn(serial.data(), kSerialBytes, nullptr));
  X509* made = certificate.get();
  auto* name = X509_get_subject_name(made);
  // An hour of grace for clocks that are late.
  const bool fine =
      number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(made)) &&
      X509_set_version(made, 2) == 1 &&
      X509_gmtime_adj(X509_getm_notBefore(made), -3600) != nullptr &&
      X509_gmtime_adj(X509_getm_notAfter(made), days * kDaySeconds) != nullptr &&
      X509_set_pubkey(made, key.get()) == 1 &&
      X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(common_name.c_str()), -1,
                                 -1, 0) == 1;
  if (!fine) return failed("make a certificate");
  return certificate;
}

Status sign(X509* certificate, const Key& by) {
  return X509_sign(certificate, by.get(), EVP_sha256()) > 0 ? ok() : failed("sign a certificate");
}

Result<Authority> new_authority() {
  Authority made;
  made.key.reset(EVP_EC_gen("P-256"));
  if (!made.key) return failed("make a key");
  GALLEY_TRY(made.certificate, draft(made.key, "Galley authority", kAuthorityDays));
  X509* certificate = made.certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  GALLEY_TRY_STATUS(
      add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
  GALLEY_TRY_STATUS(
      add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign"));
  GALLEY_TRY_STATUS(add_extension(certificate, certificate, NID_subject_key_identifier, "hash"));
  GALLEY_TRY_STATUS(sign(certificate, made.key));
  return made;
}

Result<Authority> read_authority(const fs::path& certificate_file, const fs::path& key_file) {
  GALLEY_TRY(const auto certificate_pem, read_file(certificate_file, kLargestPem));
  GALLEY_TRY(const auto key_pem, read_file(key_file, kLargestPem));
  const Bio certificate_bio(
      BIO_new_mem_buf(certificate_pem.data(), static_cast<int>(certificate_pem.size())));
  const Bio key_bio(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
  Authority found{Certificate(PEM_read_bio_X509(certificate_bio.get(), nullptr, nullptr, nullptr)),
                  Key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr))};
  const bool fits = found.certificate && found.key &&
                    X509_check_private_key(found.certificate.get(), found.key.get()) == 1;
  if (fits) return found;
  return Error{Errc::corrupt,
               key_file.string() + " is not the key of " + certificate_file.string(),
               {},
               {},
               "move both away to begin with a new authority"};
}

/// The authority of the folder, made and kept when there is none.
Result<Authority> authority_of(const CertificateFiles& files, const fs::path& key_file) {
  if (!files.new_authority) return read_authority(files.authority, key_file);
  GALLEY_TRY(Authority made, new_authority());
  GALLEY_TRY(const auto key_pem, pem_of(made.key));
  GALLEY_TRY(const auto certificate_pem, pem_of(made.certificate));
  GALLEY_TRY_STATUS(write_file_atomic(key_file, key_pem, Durability::disk, 0600));
  GALLEY_TRY_STATUS(write_file_atomic(files.authority, certificate_pem, Durability::disk));
  return made;
}

Result<Certificate> server_certificate(const Authority& authority, const Key& key,
                                       const std::string& first_name, const std::string& names,
                                       int days) {
  constexpr std::size_t kLongestCommonName = 64;
  GALLEY_TRY(auto made, draft(key, first_name.substr(0, kLongestCommonName), days));
  X509* issuer = authority.certificate.get();
  X509_set_issuer_name(made.get(), X509_get_subject_name(issuer));
  GALLEY_TRY_STATUS(add_extension(made.get(), issuer, NID_basic_constraints, "critical,CA:FALSE"));
  GALLEY_TRY_STATUS(add_extension(made.get(), issuer, NID_key_usage, "critical,digitalSignature"));
  GALLEY_TRY_STATUS(add_extension(made.get(), issuer, NID_ext_key_usage, "serverAuth"));
  GALLEY_TRY_STATUS(add_extension(made.get(), issuer, NID_subject_alt_name, names.c_str()));
  GALLEY_TRY_STATUS(add_extension(made.get(), issuer, NID_authority_key_identifier, "keyid"));
  GALLEY_TRY_STATUS(sign(made.get(), authority.key));
  return made;
}

}  // namespace

Result<CertificateFiles> make_certificates(const fs::path& folder,
                                           const CertificateRequest& request) {
  GALLEY_TRY(const auto names, alternative_names(request.names));
  if (request.days < 1 || request.days > kMostDays)
    return Error{Errc::invalid_argument, "found " + std::to_string(request.days), "days",
                 "1 to " + std::to_string(kMostDays)};
  GALLEY_TRY_STATUS(make_folders(folder));
  CertificateFiles files{.authority = folder / "ca.pem",
                         .certificate = folder / "server.pem",
                         .key = folder / "server-key.pem"};
  std::error_code ignored;
  files.new_authority = !fs::exists(files.authority, ignored);
  GALLEY_TRY(const Authority authority, authority_of(files, folder / "ca-key.pem"));
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return failed("make a key");
  GALLEY_TRY(const auto certificate,
             server_certificate(authority, key, request.names.front(), names, request.days));
  GALLEY_TRY(const auto key_pem, pem_of(key));
  GALLEY_TRY(const auto certificate_pem, pem_of(certificate));
  GALLEY_TRY(const auto authority_pem, pem_of(authority.certificate));
  GALLEY_TRY_STATUS(write_file_atomic(files.key, key_pem, Durability::disk, 0600));
  GALLEY_TRY_STATUS(
      write_file_atomic(files.certificate, certificate_pem + authority_pem, Durability::disk));
  return files;
}

}  // namespace galley::http
