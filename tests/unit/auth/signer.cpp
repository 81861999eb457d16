#include "tests/unit/auth/signer.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>

#include "runtime/base/base64.h"

namespace catalyst::test {
namespace {

using server::Json;

std::string number_param(EVP_PKEY* key, const char* name, int size) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  const int length = size != 0 ? size : BN_num_bytes(number);
  std::string out(static_cast<size_t>(length), '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(out.data()), length);
  BN_free(number);
  return out;
}

std::string raw_of_der(const std::string& der, int half) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  std::string out(static_cast<size_t>(2 * half), '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(signature), reinterpret_cast<unsigned char*>(out.data()), half);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature), reinterpret_cast<unsigned char*>(out.data()) + half, half);
  ECDSA_SIG_free(signature);
  return out;
}

}  // namespace

Signer::Signer(const std::string& name, const std::string& id) : algorithm(name), kid(id) {
  EVP_PKEY* key = name == "ES256"   ? EVP_EC_gen("P-256")
                  : name == "ES384" ? EVP_EC_gen("P-384")
                  : name == "EdDSA" ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
                                    : EVP_RSA_gen(2048);
  key_ = {key, EVP_PKEY_free};
}

Json Signer::jwk() const {
  Json out = {{"kid", kid}, {"use", "sig"}, {"alg", algorithm}};
  if (algorithm[0] == 'R' || algorithm[0] == 'P') {
    out["kty"] = "RSA";
    out["n"] = base64url_encode(number_param(key_.get(), OSSL_PKEY_PARAM_RSA_N, 0));
    out["e"] = base64url_encode(number_param(key_.get(), OSSL_PKEY_PARAM_RSA_E, 0));
  } else if (algorithm == "EdDSA") {
    std::string raw(32, '\0');
    size_t size = raw.size();
    EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(raw.data()), &size);
    out["kty"] = "OKP";
    out["crv"] = "Ed25519";
    out["x"] = base64url_encode(raw);
  } else {
    const int size = algorithm == "ES256" ? 32 : 48;
    out["kty"] = "EC";
    out["crv"] = algorithm == "ES256" ? "P-256" : "P-384";
    out["x"] = base64url_encode(number_param(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, size));
    out["y"] = base64url_encode(number_param(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, size));
  }
  return out;
}

std::string Signer::sign(const Json& payload, const Json& header) const {
  Json whole = {{"alg", algorithm}, {"kid", kid}, {"typ", "at+jwt"}};
  whole.update(header);
  return sign_text(whole.dump(), payload.dump());
}

std::string Signer::sign_text(const std::string& header, const std::string& payload) const {
  const std::string input = base64url_encode(header) + "." + base64url_encode(payload);
  const std::string digest = algorithm == "EdDSA" ? "" : "SHA" + algorithm.substr(2);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* options = nullptr;
  EVP_DigestSignInit_ex(context, &options, digest.empty() ? nullptr : digest.c_str(), nullptr, nullptr,
                        key_.get(), nullptr);
  if (algorithm[0] == 'P') {
    EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(input.data());
  size_t size = 0;
  EVP_DigestSign(context, nullptr, &size, bytes, input.size());
  std::string signature(size, '\0');
  EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size, bytes, input.size());
  signature.resize(size);
  EVP_MD_CTX_free(context);
  if (algorithm[0] == 'E' && algorithm[1] == 'S') {
    signature = raw_of_der(signature, algorithm == "ES256" ? 32 : 48);
  }
  return input + "." + base64url_encode(signature);
}

std::string Signer::public_pem() const {
  BIO* out = BIO_new(BIO_s_mem());
  PEM_write_bio_PUBKEY(out, key_.get());
  char* text = nullptr;
  const long size = BIO_get_mem_data(out, &text);
  std::string pem(text, static_cast<size_t>(size));
  BIO_free(out);
  return pem;
}

std::string jwks(std::initializer_list<const Signer*> signers) {
  Json keys = Json::array();
  for (const Signer* signer : signers) {
    keys.push_back(signer->jwk());
  }
  return Json{{"keys", keys}}.dump();
}

}  // namespace catalyst::test
