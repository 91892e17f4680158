// Headers that decide who may pass, as a stranger writes them.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "accounts/permissions.h"
#include "accounts/records.h"
#include "auth_headers.h"
#include "job_token.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley::api;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  galley::http::Headers headers;
  headers.set("Cookie", std::string(bytes));
  (void)cookie_value(headers, "galley_session");
  (void)is_address(host_name(bytes));
  (void)media_type(bytes);
  (void)bearer_token(bytes);
  (void)accepts(bytes, "gzip");
  if (is_origin_of(bytes, "localhost:1") &&
      host_name(bytes.substr(bytes.find("//") + 2)) != "localhost")
    std::abort();
  if (galley::accounts::is_secret(bytes) && (size != 68 || !bytes.starts_with("gly_")))
    std::abort();
  if (galley::accounts::check_user_name(bytes) && bytes.find_first_of(" /:@\n") != bytes.npos)
    std::abort();
  (void)galley::accounts::parse_role(bytes);
  (void)galley::accounts::parse_scope(bytes);
  if (run_of_job_token("0123456789abcdef", bytes)) std::abort();
  return 0;
}
