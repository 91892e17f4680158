#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <utility>

#include "base/text.h"
#include "client_socket.h"

namespace galley::http {
namespace {

template <auto Free>
struct TlsDeleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Context = std::unique_ptr<SSL_CTX, TlsDeleter<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, TlsDeleter<SSL_free>>;

constexpr std::size_t kRecordBodyBytes = 16 << 10;  // the most that one TLS record carries
constexpr std::size_t kRecordBytes = 17 << 10;      // with its frame

std::string openssl_reason() {
  const auto code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "the TLS handshake failed" : reason;
}

bool is_number(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> ignored{};
  return inet_pton(AF_INET, host.c_str(), ignored.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), ignored.data()) == 1;
}

/// The digest of the certificate that the server showed; empty when it showed none.
std::string certificate_sha256(SSL* session) {
  const std::unique_ptr<X509, TlsDeleter<X509_free>> certificate(
      SSL_get1_peer_certificate(session));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (!certificate || X509_digest(certificate.get(), EVP_sha256(), digest.data(), &length) != 1)
    return {};
  return to_hex({reinterpret_cast<const char*>(digest.data()), length});
}

/// OpenSSL works on memory here, and the link below moves the bytes: OpenSSL's own socket writes
/// would raise SIGPIPE and know no deadline.
class TlsLink final : public ClientLink {
 public:
  TlsLink(std::unique_ptr<ClientLink> link, Context context, Session session,
          std::string pinned_sha256)
      : link_(std::move(link)),
        context_(std::move(context)),
        session_(std::move(session)),
        pinned_sha256_(std::move(pinned_sha256)) {
    SSL_set_bio(session_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  }

  Status handshake(const ServerAddress& address, Instant deadline) {
    const auto done = drive([this] { return SSL_connect(session_.get()); }, deadline);
    if (done && *done > 0) return check_pin(address);
    if (!done && done.error().code == Errc::timeout) return done.error();
    if (const long verdict = SSL_get_verify_result(session_.get()); verdict != X509_V_OK)
      return Error{Errc::unauthenticated,
                   "the certificate of " + address.text +
                       " is not trusted: " + X509_verify_cert_error_string(verdict)};
    return Error{Errc::unavailable,
                 "cannot reach " + address.text + ": " +
                     (done ? "it closed during the TLS handshake" : done.error().message)};
  }

  Result<std::size_t> read(std::span<char> bytes, Instant deadline) override {
    GALLEY_TRY(
        const int got,
        drive(
            [&] { return SSL_read(session_.get(), bytes.data(), static_cast<int>(bytes.size())); },
            deadline));
    return static_cast<std::size_t>(got);
  }

  Result<bool> write(std::string_view bytes, Instant deadline) override {
    while (!bytes.empty()) {
      GALLEY_TRY(const bool spoken, peer_has_spoken(deadline));
      if (spoken) return false;
      const auto piece = bytes.substr(0, kRecordBodyBytes);
      GALLEY_TRY(const int sent, drive(
                                     [&] {
                                       return SSL_write(session_.get(), piece.data(),
                                                        static_cast<int>(piece.size()));
                                     },
                                     deadline));
      if (sent == 0 || refused_) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  bool quiet() const override { return link_->quiet() && SSL_pending(session_.get()) == 0; }

 private:
  Status check_pin(const ServerAddress& address) const {
    if (pinned_sha256_.empty()) return ok();
    const std::string shown = certificate_sha256(session_.get());
    if (shown == pinned_sha256_) return ok();
    return Error{Errc::unauthenticated, "the certificate of " + address.text +
                                            " is not trusted: its SHA-256 is " + shown +
                                            ", not the pinned " + pinned_sha256_};
  }

  /// Repeats the step while OpenSSL needs bytes; 0 = the peer has closed.
  template <class Step>
  Result<int> drive(Step step, Instant deadline) {
    for (;;) {
      ERR_clear_error();
      const int outcome = step();
      const int why = SSL_get_error(session_.get(), outcome);
      GALLEY_TRY_STATUS(flush(deadline));
      if (outcome > 0) return outcome;
      if (why == SSL_ERROR_ZERO_RETURN) return 0;
      if (why != SSL_ERROR_WANT_READ) return Error{Errc::unavailable, openssl_reason()};
      std::array<char, kRecordBytes> cipher{};
      GALLEY_TRY(const auto got, link_->read(cipher, deadline));
      if (got == 0) return 0;
      BIO_write(SSL_get_rbio(session_.get()), cipher.data(), static_cast<int>(got));
    }
  }

  /// True when an answer has begun; tickets and the like are taken in on the way.
  Result<bool> peer_has_spoken(Instant deadline) {
    char byte = 0;
    while (!link_->quiet()) {
      if (SSL_peek(session_.get(), &byte, 1) > 0) return true;
      std::array<char, kRecordBytes> cipher{};
      GALLEY_TRY(const auto got, link_->read(cipher, deadline));
      if (got == 0) return true;
      BIO_write(SSL_get_rbio(session_.get()), cipher.data(), static_cast<int>(got));
    }
    return SSL_peek(session_.get(), &byte, 1) > 0;
  }

  Status flush(Instant deadline) {
    std::array<char, kRecordBytes> cipher{};
    for (;;) {
      const int pending =
          BIO_read(SSL_get_wbio(session_.get()), cipher.data(), static_cast<int>(cipher.size()));
      if (pending <= 0) return ok();
      std::string_view left(cipher.data(), static_cast<std::size_t>(pending));
      GALLEY_TRY(const bool taken, link_->write(left, deadline));
      refused_ |= !taken;
    }
  }

  std::unique_ptr<ClientLink> link_;
  Context context_;
  Session session_;
  const std::string pinned_sha256_;
  bool refused_ = false;  // the peer stopped taking bytes; what it said before can still be read
};

Status trust(SSL_CTX* context, const ClientOptions& options) {
  // A pinned certificate is compared as a whole after the handshake; who signed it says nothing.
  if (!options.verify_tls || !options.pinned_sha256.empty()) return ok();
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_default_verify_paths(context);
  if (options.ca_file.empty()) return ok();
  if (SSL_CTX_load_verify_locations(context, options.ca_file.c_str(), nullptr) == 1) return ok();
  return Error{Errc::invalid_argument,
               "cannot use " + options.ca_file + " as a trust anchor: " + openssl_reason(),
               {},
               "a file of PEM certificates"};
}

}  // namespace

Result<std::unique_ptr<ClientLink>> open_tls(std::unique_ptr<ClientLink> link,
                                             const ServerAddress& address,
                                             const ClientOptions& options, Instant deadline) {
  Context context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  GALLEY_TRY_STATUS(trust(context.get(), options));
  Session session(SSL_new(context.get()));
  auto* parameters = SSL_get0_param(session.get());
  if (is_number(address.host)) {
    X509_VERIFY_PARAM_set1_ip_asc(parameters, address.host.c_str());
  } else {
    SSL_set_tlsext_host_name(session.get(), address.host.c_str());
    X509_VERIFY_PARAM_set1_host(parameters, address.host.c_str(), address.host.size());
  }
  auto tls = std::make_unique<TlsLink>(std::move(link), std::move(context), std::move(session),
                                       options.pinned_sha256);
  GALLEY_TRY_STATUS(tls->handshake(address, deadline));
  return std::unique_ptr<ClientLink>(std::move(tls));
}

}  // namespace galley::http
