#pragma once

// Signs tokens as an authorization server would.

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <memory>
#include <string>

#include "server/auth/jose.h"

namespace catalyst::test {

/// A key pair that signs with one algorithm of RFC 7518, or 8037.
class Signer {
 public:
  Signer(const std::string& algorithm, const std::string& kid);

  /// The public key as a JWK, an object's text.
  [[nodiscard]] server::Json jwk() const;
  /// A signed token; `header` is merged over {"alg", "kid", "typ": "at+jwt"}.
  [[nodiscard]] std::string sign(const server::Json& payload,
                                 const server::Json& header = server::Json::object()) const;
  /// A signed token whose parts are these very texts.
  [[nodiscard]] std::string sign_text(const std::string& header, const std::string& payload) const;
  /// The public key in PEM, which an attacker knows.
  [[nodiscard]] std::string public_pem() const;

  std::string algorithm;
  std::string kid;

 private:
  std::shared_ptr<EVP_PKEY> key_;
};

/// {"keys": [...]} of the signers.
std::string jwks(std::initializer_list<const Signer*> signers);

}  // namespace catalyst::test
