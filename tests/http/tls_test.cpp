#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <fstream>
#include <thread>

#include "fixture.h"

namespace galley::http::testing {
namespace {

using ::testing::HasSubstr;

template <class Write>
void write_pem(const std::string& path, Write write) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(write(file), 1);
  std::fclose(file);
}

/// A key and a certificate for 127.0.0.1 and localhost, signed by itself.
void make_certificate(const std::string& certificate_path, const std::string& key_path) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_set_version(certificate, 2);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  auto* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("galley test"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  auto* names =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
  X509_add_ext(certificate, names, -1);
  X509_EXTENSION_free(names);
  EXPECT_GT(X509_sign(certificate, key, EVP_sha256()), 0);
  write_pem(certificate_path, [&](std::FILE* file) { return PEM_write_X509(file, certificate); });
  write_pem(key_path, [&](std::FILE* file) {
    return PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
  X509_free(certificate);
  EVP_PKEY_free(key);
}

class Tls : public ServerTest {
 protected:
  Tls() {
    make_certificate(folder / "cert.pem", folder / "key.pem");
    options.tls = TlsFiles{folder / "cert.pem", folder / "key.pem"};
    router.add("GET", "/", Run::pool, [](const Request& request) {
      return Response::text(request.peer.tls ? "secret" : "plain");
    });
    router.add("POST", "/size", Run::pool, [](const Request& request) {
      return Response::text(std::string(request.body.size(), 'y'));
    });
    router.add_deferred("GET", "/stream", Run::pool, [](const Exchange& exchange) {
      const auto stream = exchange.stream(200, {});
      for (int i = 0; i < 10; ++i) stream.event(std::to_string(i), "", "x");
      stream.finish();
    });
  }
  Result<std::unique_ptr<Client>> secure(std::string ca, std::string host = "127.0.0.1") {
    const auto port = address.substr(address.rfind(':'));
    return Client::open(
        {.server = "https://" + host + port, .retries = 0, .ca_file = std::move(ca)});
  }

  TempFolder folder;
};

TEST_F(Tls, CarriesRequestsBodiesAndStreams) {
  start();
  const auto opened = secure(folder / "cert.pem");
  ASSERT_TRUE(opened);
  auto& connection = **opened;
  for (int i = 0; i < 3; ++i) {
    const auto answer = connection.send({.target = "/"});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "secret");
  }
  const auto large =
      connection.send({.method = "POST", .target = "/size", .body = std::string(3'000'000, 'x')});
  ASSERT_TRUE(large) << large.error().message;
  EXPECT_EQ(large->body, std::string(3'000'000, 'y'));
  EventParser parser;
  int events = 0;
  ASSERT_TRUE(connection.stream({.target = "/stream"}, [&](std::string_view piece) {
    return bool(parser.feed(piece, [&](const auto&) { ++events; }));
  }));
  EXPECT_EQ(events, 10);
  EXPECT_EQ((*secure(folder / "cert.pem", "localhost"))->send({})->body, "secret");
}

TEST_F(Tls, TellsARefusedUploadWhy) {
  options.limits.body_bytes = 1000;
  start();
  const auto answer =
      (*secure(folder / "cert.pem"))
          ->send({.method = "POST", .target = "/size", .body = std::string(80 << 20, 'x')});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 413);
}

TEST_F(Tls, RefusesACertificateThatNobodyTrusts) {
  start();
  const auto answer = (*secure(""))->send({});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::unauthenticated);
  EXPECT_THAT(answer.error().message, HasSubstr("certificate"));
  auto careless = Client::open({.server = "https://" + address, .verify_tls = false});
  EXPECT_EQ((*careless)->send({})->body, "secret");
}

TEST_F(Tls, SurvivesPeersThatSpeakPlainOrNothing) {
  options.limits.header_timeout = 500ms;  // also bounds the last handshake, slow under a sanitizer
  start();
  auto plain = wire();
  plain.send(get("/"));
  plain.read_to_end();
  auto silent = wire();
  EXPECT_TRUE(silent.closed_by_peer());
  EXPECT_EQ((*secure(folder / "cert.pem"))->send({})->body, "secret");
}

TEST_F(Tls, DrainsWithOpenConnections) {
  start();
  const auto kept = secure(folder / "cert.pem");
  ASSERT_EQ((*kept)->send({})->body, "secret");
  server->drain(10s);
  EXPECT_EQ(server->load().connections, 0U);
}

TEST_F(Tls, ManyClientsAtOnce) {
  start();
  std::vector<std::jthread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 6; ++t)
    threads.emplace_back([&] {
      const auto mine = secure(folder / "cert.pem");
      for (int i = 0; i < 30; ++i) {
        const auto answer =
            (*mine)->send({.method = "POST",
                           .target = "/size",
                           .body = std::string(static_cast<std::size_t>(i) * 999, 'x')});
        right += answer && answer->body.size() == static_cast<std::size_t>(i) * 999 ? 1 : 0;
      }
    });
  threads.clear();
  EXPECT_EQ(right, 180);
}

TEST_F(Tls, BadFilesAreErrorsThatNameThem) {
  std::ofstream(folder / "junk.pem") << "junk";
  make_certificate(folder / "other.pem", folder / "other_key.pem");
  const auto code_with = [&](std::string certificate, std::string key) {
    ServerOptions with = options;
    with.tls = TlsFiles{certificate, key};
    const auto started = Server::start(with, Router{});
    return started ? Errc::internal : started.error().code;
  };
  const auto cert = folder / "cert.pem";
  EXPECT_EQ(code_with(folder / "none.pem", folder / "key.pem"), Errc::not_found);
  EXPECT_EQ(code_with(folder / "junk.pem", folder / "key.pem"), Errc::invalid_argument);
  EXPECT_EQ(code_with(cert, folder / "junk.pem"), Errc::invalid_argument);
  EXPECT_EQ(code_with(cert, folder / "other_key.pem"), Errc::invalid_argument);
}

}  // namespace
}  // namespace galley::http::testing
