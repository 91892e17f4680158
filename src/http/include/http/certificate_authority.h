#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace galley::http {

struct CertificateRequest {
  std::vector<std::string> names;  // host names ("*.x.org" too) and addresses of the server
  int days = 825;                  // of the server's certificate; the authority's lasts ten years
};

struct CertificateFiles {
  std::filesystem::path authority;    // what clients trust
  std::filesystem::path certificate;  // what the server shows, with the authority's below it
  std::filesystem::path key;          // of the server (0600)
  bool new_authority = false;
};

/// Makes a server's certificate, signed by an authority of our own, in `folder`: ca.pem,
/// ca-key.pem, server.pem, server-key.pem; both keys P-256 and readable by their owner only. An
/// authority that is there is used again, so that clients need not learn a new one when the
/// server's certificate is renewed; the server's files are replaced. Errors: invalid_argument (no
/// name, a name that is none, days), corrupt (an authority whose files do not fit), those of
/// writing.
Result<CertificateFiles> make_certificates(const std::filesystem::path& folder,
                                           const CertificateRequest& request);

}  // namespace galley::http
