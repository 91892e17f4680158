#include "asio_transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <filesystem>

#include "base/file.h"

namespace galley::http {

namespace asio = boost::asio;
using boost::system::error_code;

class TlsContext {
 public:
  asio::ssl::context context{asio::ssl::context::tls_server};
};

namespace {

/// A certificate or key is a few kilobytes; a longer file is some other one.
constexpr std::int64_t kPemBytes = 1 << 20;

int choose_http1(SSL*, const unsigned char** chosen, unsigned char* chosen_bytes,
                 const unsigned char* offered, unsigned int offered_bytes, void*) {
  static constexpr std::string_view kHttp1 = "\x08http/1.1";
  unsigned char* match = nullptr;
  const int outcome = SSL_select_next_proto(
      &match, chosen_bytes, reinterpret_cast<const unsigned char*>(kHttp1.data()),
      static_cast<unsigned int>(kHttp1.size()), offered, offered_bytes);
  *chosen = match;
  return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

Error bad_pem(std::string_view what, const std::filesystem::path& path, const error_code& error) {
  return {Errc::invalid_argument,
          "cannot use " + path.string() + " as a TLS " + std::string(what) + ": " + error.message(),
          {},
          "PEM"};
}

/// One record at a time: OpenSSL encrypts at most 16 KiB in a step, and so does each start_write.
class TlsTransport final : public Transport {
 public:
  TlsTransport(Socket socket, TlsContext& context) : stream_(std::move(socket), context.context) {}

  bool open(Owner owner) override {
    stream_.async_handshake(
        asio::ssl::stream_base::server,
        [owner = std::move(owner)](const error_code& error) { owner->on_open(!error); });
    return false;
  }

  void start_read(Owner owner, char* data, std::size_t capacity) override {
    stream_.async_read_some(
        asio::mutable_buffer(data, capacity),
        [owner = std::move(owner)](const error_code& error, std::size_t bytes) {
          const bool ended =
              error == asio::error::eof || error == asio::ssl::error::stream_truncated;
          owner->on_read(bytes, !error ? ReadEnd::open : ended ? ReadEnd::closed : ReadEnd::broken);
        });
  }

  // Asio's TLS stream loses a record that the socket takes only in part without waiting.
  std::size_t write_now(std::string_view, std::string_view) override { return 0; }

  void start_write(Owner owner, std::string_view first, std::string_view second) override {
    const auto piece = first.empty() ? second : first;
    stream_.async_write_some(
        asio::const_buffer(piece.data(), piece.size()),
        [owner = std::move(owner)](const error_code& error, std::size_t bytes) {
          owner->on_written(bytes, static_cast<bool>(error));
        });
  }

  void end_sending(Owner owner) override {
    stream_.async_shutdown([this, owner = std::move(owner)](const error_code&) {
      error_code ignored;
      stream_.lowest_layer().shutdown(Socket::shutdown_send, ignored);
    });
  }

  void close() override {
    error_code ignored;
    stream_.lowest_layer().close(ignored);
  }

 private:
  asio::ssl::stream<Socket> stream_;
};

}  // namespace

Result<std::shared_ptr<TlsContext>> load_tls(const TlsFiles& files) {
  // Read first for the sake of the message: OpenSSL calls an absent file "system lib".
  GALLEY_TRY(const auto certificate, read_file(files.certificate, kPemBytes));
  GALLEY_TRY(const auto key, read_file(files.key, kPemBytes));
  auto tls = std::make_shared<TlsContext>();
  auto& context = tls->context;
  error_code error;
  context.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                          asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 |
                          asio::ssl::context::no_tlsv1_1 | asio::ssl::context::no_compression,
                      error);
  context.use_certificate_chain({certificate.data(), certificate.size()}, error);
  if (error) return bad_pem("certificate", files.certificate, error);
  context.use_private_key({key.data(), key.size()}, asio::ssl::context::pem, error);
  if (error) return bad_pem("key", files.key, error);
  // Forward secrecy and authenticated encryption only; TLS 1.3 has nothing else.
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context.native_handle(), "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_alpn_select_cb(context.native_handle(), choose_http1, nullptr);
  return tls;
}

std::unique_ptr<Transport> make_tls_transport(Socket socket, TlsContext& context) {
  return std::make_unique<TlsTransport>(std::move(socket), context);
}

}  // namespace galley::http
