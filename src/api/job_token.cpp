#include "job_token.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "base/text.h"

namespace galley::api {

std::string make_job_token(std::string_view secret, const RunId& run) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned length = 0;
  const auto* made = ::HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                            reinterpret_cast<const unsigned char*>(run.str().data()),
                            run.str().size(), mac.data(), &length);
  GALLEY_CHECK(made != nullptr, "HMAC-SHA256 cannot fail");
  return run.str() + "." + to_hex({reinterpret_cast<const char*>(mac.data()), length});
}

std::optional<RunId> run_of_job_token(std::string_view secret, std::string_view token) {
  const auto run = RunId::parse(token.substr(0, token.find('.')));
  if (!run || !equal_constant_time(make_job_token(secret, *run), token)) return std::nullopt;
  return *run;
}

}  // namespace galley::api
