// Any bytes as a token and as a key set: refused or read, and a token that nobody signed never verifies.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/check.h"
#include "server/auth/jwt.h"

namespace {

using namespace catalyst::server;

const std::vector<VerificationKey>& keys() {
  static const auto kKeys = parse_jwks(
      R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},)"
      R"({"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",)"
      R"("y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]})");
  return *kKeys;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(parse_jwks(text));
  const auto jws = parse_compact(text);
  if (jws.has_error()) {
    return 0;
  }
  IssuerConfig issuer;
  issuer.issuer = "https://login.example";
  issuer.id_claim = "sub";
  issuer.tenant_claim = "org.name";
  issuer.roles_claim = "roles";
  issuer.scope_claim = "scope";
  const auto claims = read_claims(jws->payload, issuer, 1'700'000'000'000'000, 30'000'000);
  CHECK(claims.has_error() || !claims->principal.id.empty(), "a principal has a name");
  const auto algorithm = check_header(jws->header, issuer);
  if (algorithm.has_value()) {
    for (const VerificationKey& key : keys()) {
      CHECK(!verify_signature(key, *algorithm, jws->signing_input, jws->signature), "nobody signed this");
    }
  }
  return 0;
}
