#pragma once

#include <vector>

#include "runtime/base/result.h"
#include "server/auth/jose.h"
#include "server/config/config.h"

namespace catalyst::server {

/// What a JWT says about its principal, once its issuer's signature was checked.
struct JwtClaims {
  PrincipalConfig principal;
  int64_t expires_us = 0;
  std::vector<std::string> audiences;
};

/// The algorithm of the token when `issuer` accepts its header (`alg`, `typ`); else why not (RFC 8725
/// section 3.1).
Result<Algorithm> check_header(const Json& header, const IssuerConfig& issuer);

/// Reads the claims (RFC 7519 section 4.1, RFC 9068 section 4): `exp` must be there and ahead, `nbf` and
/// `iat` past, each within `leeway_us`; `iss` must equal the issuer's; `aud` must be there. Whether the
/// audience is ours depends on the endpoint and is the caller's. An error may be shown to the sender.
Result<JwtClaims> read_claims(const Json& payload, const IssuerConfig& issuer, int64_t now_us,
                              int64_t leeway_us);

/// The texts of a scope: parted by blanks.
std::vector<std::string> split_words(std::string_view text);

}  // namespace catalyst::server
