#include "http/certificate_authority.h"

#include <openssl/ssl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "fixture.h"

namespace galley::http::testing {
namespace {

using ::testing::HasSubstr;

class CertificateAuthority : public ServerTest {
 protected:
  CertificateFiles make(const std::vector<std::string>& names) {
    auto made = make_certificates(folder_ / "tls", {.names = names});
    EXPECT_TRUE(made) << describe(made.error());
    return made ? *made : CertificateFiles{};
  }
  void serve(const CertificateFiles& files) {
    options.tls = TlsFiles{files.certificate, files.key};
    router.add("GET", "/", Run::pool, [](const Request&) { return Response::text("secret"); });
    start();
  }
  Result<Response> ask(const std::string& host, const std::filesystem::path& ca) {
    const auto port = address.substr(address.rfind(':'));
    auto client =
        Client::open({.server = "https://" + host + port, .retries = 0, .ca_file = ca.string()});
    EXPECT_TRUE(client);
    return (*client)->send({});
  }

  TempFolder folder_;
};

mode_t mode_of(const std::filesystem::path& path) {
  struct stat found {};
  EXPECT_EQ(::stat(path.c_str(), &found), 0);
  return found.st_mode & 0777;
}

TEST_F(CertificateAuthority, IsTrustedForTheNamesItSigned) {
  const auto files = make({"localhost", "127.0.0.1", "::1", "*.example.org"});
  EXPECT_TRUE(files.new_authority);
  serve(files);
  for (const char* host : {"localhost", "127.0.0.1"}) {
    const auto answer = ask(host, files.authority);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "secret");
  }
  const auto stranger = ask("127.0.0.1", "");
  ASSERT_FALSE(stranger);
  EXPECT_EQ(stranger.error().code, Errc::unauthenticated);
}

TEST_F(CertificateAuthority, IsNotTrustedForOtherNamesOrByOthersAuthorities) {
  serve(make({"ml.example.org"}));
  const auto other_name = ask("localhost", folder_ / "tls/ca.pem");
  ASSERT_FALSE(other_name);
  EXPECT_EQ(other_name.error().code, Errc::unauthenticated);
  const auto foreign = make_certificates(folder_ / "other", {.names = {"localhost"}});
  EXPECT_FALSE(ask("localhost", foreign->authority));
}

TEST_F(CertificateAuthority, IsKeptWhenTheServersCertificateIsRenewed) {
  const auto first = make({"localhost"});
  const auto authority = *read_file(first.authority, 1 << 20);
  const auto key = *read_file(first.key, 1 << 20);
  const auto second = make({"localhost", "127.0.0.1"});
  EXPECT_FALSE(second.new_authority);
  EXPECT_EQ(*read_file(second.authority, 1 << 20), authority);
  EXPECT_NE(*read_file(second.key, 1 << 20), key);
  serve(second);
  EXPECT_TRUE(ask("127.0.0.1", first.authority));
}

TEST_F(CertificateAuthority, KeysAreTheirOwnersOnly) {
  const auto files = make({"localhost"});
  EXPECT_EQ(mode_of(files.key), 0600u);
  EXPECT_EQ(mode_of(folder_ / "tls/ca-key.pem"), 0600u);
}

TEST_F(CertificateAuthority, BadNamesAndFilesAreRefused) {
  for (const char* name : {"", "a b", "a,DNS:evil.org", "a:1", "-x", ".x", "a\n", "ä"}) {
    const auto refused = make_certificates(folder_ / "tls", {.names = {name}});
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().field, "names") << name;
  }
  EXPECT_FALSE(make_certificates(folder_ / "tls", {.names = {}}));
  EXPECT_EQ(make_certificates(folder_ / "tls", {.names = {"a"}, .days = 0}).error().field, "days");
  make({"localhost"});
  ASSERT_TRUE(write_file_atomic(folder_ / "tls/ca-key.pem", "garbage", Durability::memory));
  const auto broken = make_certificates(folder_ / "tls", {.names = {"localhost"}});
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Errc::corrupt);
  EXPECT_THAT(broken.error().message, HasSubstr("is not the key of"));
}

/// One handshake of a client that speaks nothing newer than `version` and only `ciphers`.
bool shakes_hands(const std::string& address, int version, const char* ciphers) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_security_level(context, 0);
  SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context, version);
  EXPECT_EQ(SSL_CTX_set_cipher_list(context, ciphers), 1);
  BIO* bio = BIO_new_ssl_connect(context);
  BIO_set_conn_hostname(bio, address.c_str());
  const bool done = BIO_do_handshake(bio) == 1;
  BIO_free_all(bio);
  SSL_CTX_free(context);
  return done;
}

TEST_F(CertificateAuthority, OldVersionsAndWeakCiphersAreNotSpoken) {
  serve(make({"127.0.0.1"}));
  EXPECT_TRUE(shakes_hands(address, TLS1_3_VERSION, "ALL"));
  EXPECT_TRUE(shakes_hands(address, TLS1_2_VERSION, "ECDHE+AESGCM"));
  EXPECT_FALSE(shakes_hands(address, TLS1_1_VERSION, "ALL"));
  EXPECT_FALSE(shakes_hands(address, TLS1_VERSION, "ALL"));
  EXPECT_FALSE(shakes_hands(address, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA"));
  EXPECT_FALSE(shakes_hands(address, TLS1_2_VERSION, "AES128-SHA:AES256-SHA"));
}

}  // namespace
}  // namespace galley::http::testing
