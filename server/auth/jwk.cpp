// Keys and signatures: JWK (RFC 7517, 7518, 8037) into OpenSSL, and checking with it.

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>

#include "runtime/base/base64.h"
#include "server/auth/jose.h"

namespace catalyst::server {
namespace {

constexpr size_t kKeysMax = 100;
constexpr size_t kKidMax = 256;
constexpr size_t kRsaBytesMin = 2048 / 8;
constexpr size_t kRsaBytesMax = 8192 / 8;
constexpr size_t kExponentBytesMax = 8;

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* thing) const {
    Free(thing);
  }
};
using BigNumber = std::unique_ptr<BIGNUM, Freer<BN_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Freer<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freer<OSSL_PARAM_free>>;
using Key = std::shared_ptr<EVP_PKEY>;

Key own(EVP_PKEY* key) { return key == nullptr ? nullptr : Key(key, EVP_PKEY_free); }

std::string text_of(const Json& jwk, const char* name) {
  const auto found = jwk.find(name);
  return found != jwk.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const auto* bytes_of(const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); }

BigNumber number_of(const std::string& bytes) {
  return BigNumber(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

Key make_key(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  Key out = own(key);
  const KeyContext check(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  return check != nullptr && EVP_PKEY_public_check(check.get()) == 1 ? out : nullptr;
}

Key rsa_key(const Json& jwk) {
  const auto modulus = base64url_decode(text_of(jwk, "n"));
  const auto exponent = base64url_decode(text_of(jwk, "e"));
  if (!modulus || !exponent || modulus->size() < kRsaBytesMin || modulus->size() > kRsaBytesMax ||
      exponent->empty() || exponent->size() > kExponentBytesMax) {
    return nullptr;
  }
  const BigNumber n = number_of(*modulus);
  const BigNumber e = number_of(*exponent);
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (n == nullptr || e == nullptr || BN_num_bits(n.get()) < 2048 || BN_is_odd(e.get()) != 1 ||
      BN_num_bits(e.get()) < 2 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return nullptr;
  }
  return make_key("RSA", builder.get());
}

Key ec_key(const Json& jwk, const char* group, size_t size) {
  const auto x = base64url_decode(text_of(jwk, "x"));
  const auto y = base64url_decode(text_of(jwk, "y"));
  if (!x || !y || x->size() != size || y->size() != size) {
    return nullptr;
  }
  const std::string point = "\x04" + *x + *y;
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group, 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) !=
          1) {
    return nullptr;
  }
  return make_key("EC", builder.get());
}

Key ed25519_key(const Json& jwk) {
  const auto x = base64url_decode(text_of(jwk, "x"));
  if (!x || x->size() != 32) {
    return nullptr;
  }
  return own(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(*x), x->size()));
}

bool is_for_verifying(const Json& jwk) {
  const std::string use = text_of(jwk, "use");
  if (jwk.contains("use") && use != "sig") {
    return false;
  }
  const auto operations = jwk.find("key_ops");
  return operations == jwk.end() ||
         (operations->is_array() &&
          std::find(operations->begin(), operations->end(), "verify") != operations->end());
}

std::optional<VerificationKey> read_key(const Json& jwk) {
  if (!jwk.is_object() || !is_for_verifying(jwk)) {
    return std::nullopt;
  }
  VerificationKey out;
  out.kid = text_of(jwk, "kid");
  const std::string type = text_of(jwk, "kty");
  const std::string curve = text_of(jwk, "crv");
  if (type == "RSA") {
    out.type = KeyType::Rsa;
    out.key = rsa_key(jwk);
  } else if (type == "EC" && curve == "P-256") {
    out.type = KeyType::P256;
    out.key = ec_key(jwk, "P-256", 32);
  } else if (type == "EC" && curve == "P-384") {
    out.type = KeyType::P384;
    out.key = ec_key(jwk, "P-384", 48);
  } else if (type == "OKP" && curve == "Ed25519") {
    out.type = KeyType::Ed25519;
    out.key = ed25519_key(jwk);
  }
  if (out.key == nullptr || out.kid.size() > kKidMax) {
    ERR_clear_error();
    return std::nullopt;
  }
  if (jwk.contains("alg")) {
    out.only = algorithm_of(text_of(jwk, "alg"));
    if (!out.only || !out.fits(*out.only)) {
      return std::nullopt;
    }
  }
  return out;
}

enum class SignatureKind : uint8_t { Rsa, RsaPss, P256, P384, Ed25519 };

struct Method {
  SignatureKind kind;
  const char* digest;
};

Method method_of(Algorithm algorithm) {
  switch (algorithm) {
#define ALGORITHM(name, text, key, digest) \
  case Algorithm::name:                    \
    return {SignatureKind::key, digest};
#include "server/config/algorithm.def"
#undef ALGORITHM
  }
  return {SignatureKind::Ed25519, ""};
}

KeyType type_of(SignatureKind kind) {
  switch (kind) {
    case SignatureKind::Rsa:
    case SignatureKind::RsaPss:
      return KeyType::Rsa;
    case SignatureKind::P256:
      return KeyType::P256;
    case SignatureKind::P384:
      return KeyType::P384;
    case SignatureKind::Ed25519:
      return KeyType::Ed25519;
  }
  return KeyType::Ed25519;
}

/// JOSE writes r and s side by side (RFC 7518 section 3.4), OpenSSL wants DER. Empty when the size is wrong.
std::string der_of(std::string_view pair, size_t half) {
  if (pair.size() != 2 * half) {
    return {};
  }
  BigNumber r = number_of(std::string(pair.substr(0, half)));
  BigNumber s = number_of(std::string(pair.substr(half)));
  const std::unique_ptr<ECDSA_SIG, Freer<ECDSA_SIG_free>> signature(ECDSA_SIG_new());
  if (r == nullptr || s == nullptr || signature == nullptr ||
      ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) {
    return {};
  }
  static_cast<void>(r.release());
  static_cast<void>(s.release());
  unsigned char* bytes = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &bytes);
  std::string out(reinterpret_cast<char*>(bytes), size > 0 ? static_cast<size_t>(size) : 0);
  OPENSSL_free(bytes);
  return out;
}

}  // namespace

bool VerificationKey::fits(Algorithm algorithm) const {
  return type_of(method_of(algorithm).kind) == type && (!only || *only == algorithm);
}

Result<std::vector<VerificationKey>> parse_jwks(std::string_view text) {
  const std::optional<Json> set = parse_strict(text);
  const Json* keys = set && set->is_object() && set->contains("keys") ? &(*set)["keys"] : nullptr;
  if (keys == nullptr || !keys->is_array()) {
    return error("not a JWK set: expected {\"keys\": [...]}");
  }
  if (keys->size() > kKeysMax) {
    return error("a JWK set with more than " + std::to_string(kKeysMax) + " keys");
  }
  std::vector<VerificationKey> out;
  for (const Json& jwk : *keys) {
    if (std::optional<VerificationKey> key = read_key(jwk)) {
      out.push_back(std::move(*key));
    }
  }
  if (out.empty()) {
    return error("a JWK set without a key that can check signatures");
  }
  return out;
}

bool verify_signature(const VerificationKey& key, Algorithm algorithm, std::string_view input,
                      std::string_view signature) {
  if (!key.fits(algorithm)) {
    return false;
  }
  const Method method = method_of(algorithm);
  std::string der;
  if (method.kind == SignatureKind::P256 || method.kind == SignatureKind::P384) {
    der = der_of(signature, method.kind == SignatureKind::P256 ? 32 : 48);
    signature = der;
  }
  const DigestContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;
  bool good =
      context != nullptr && !signature.empty() &&
      EVP_DigestVerifyInit_ex(context.get(), &options, *method.digest != '\0' ? method.digest : nullptr,
                              nullptr, nullptr, key.key.get(), nullptr) == 1;
  if (good && method.kind == SignatureKind::RsaPss) {
    good = EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1;
  }
  good = good && EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                                  signature.size(), reinterpret_cast<const unsigned char*>(input.data()),
                                  input.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace catalyst::server
