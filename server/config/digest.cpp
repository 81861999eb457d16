#include "server/config/digest.h"

#include <openssl/evp.h>

#include <memory>

#include "runtime/base/check.h"
#include "runtime/base/hex.h"

namespace catalyst::server {

Digest sha256(std::string_view text) {
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  // Fetching the algorithm and making a context cost more than hashing a token: once a thread.
  static const EVP_MD* const kAlgorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  thread_local const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  Digest out{};
  const bool done = EVP_DigestInit_ex2(context.get(), kAlgorithm, nullptr) == 1 &&
                    EVP_DigestUpdate(context.get(), text.data(), text.size()) == 1 &&
                    EVP_DigestFinal_ex(context.get(), out.data(), nullptr) == 1;
  CHECK(done, "OpenSSL's SHA-256 failed");
  return out;
}

std::string hex_digest(const Digest& digest) {
  std::string out;
  append_hex(out, digest);
  return out;
}

}  // namespace catalyst::server
