#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"
#include "server/auth/strict_json.h"

namespace catalyst::server {

/// Signatures that are understood (server/config/algorithm.def).
enum class Algorithm : uint8_t {
#define ALGORITHM(name, text, key, digest) name,
#include "server/config/algorithm.def"
#undef ALGORITHM
};
std::optional<Algorithm> algorithm_of(std::string_view name);

/// What a key is, and so which signatures it can check: an RSA key never meets an EC signature.
enum class KeyType : uint8_t { Rsa, P256, P384, Ed25519 };

/// A JWS in compact form (RFC 7515 section 7.1), taken apart and not yet believed.
struct CompactJws {
  Json header;
  Json payload;
  std::string_view signing_input;  // into the token
  std::string signature;
};
/// An error says what is wrong in words that may be shown to the sender. Refused: more or fewer than three
/// parts, headers and payloads that are not strict JSON objects, `crit` (RFC 7515 section 4.1.11: nothing is
/// understood). Keys that the header brings or points to (jwk, x5c, jku, x5u) are never looked at.
Result<CompactJws> parse_compact(std::string_view token);

/// One public key of an issuer.
struct VerificationKey {
  std::string kid;  // "": none
  KeyType type = KeyType::Rsa;
  std::optional<Algorithm> only;  // the JWK's `alg`
  std::shared_ptr<EVP_PKEY> key;

  [[nodiscard]] bool fits(Algorithm algorithm) const;
};

/// The keys of a JWK set (RFC 7517) that can check signatures; others (secrets, encryption, unknown curves,
/// RSA below 2048 bits) are left out. An error when it is not a set, or holds more than 100 keys.
Result<std::vector<VerificationKey>> parse_jwks(std::string_view text);

/// Whether `signature` is `key`'s over `input`; `key` must fit the algorithm.
bool verify_signature(const VerificationKey& key, Algorithm algorithm, std::string_view input,
                      std::string_view signature);

}  // namespace catalyst::server
