#include "runtime/mcp/seal.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>

#include "runtime/base/base64.h"
#include "runtime/base/check.h"

namespace catalyst::mcp {
namespace {

// Layout: version, key id, nonce, ciphertext, tag.
constexpr unsigned char kVersion = 1;
constexpr size_t kIdBytes = 4;
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
constexpr size_t kHeadBytes = 1 + kIdBytes + kNonceBytes;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

void hkdf(std::string_view secret, std::string_view info, unsigned char* out, size_t size) {
  const std::unique_ptr<EVP_PKEY_CTX, FreeContext> context(EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr));
  const bool done =
      context != nullptr && EVP_PKEY_derive_init(context.get()) == 1 &&
      EVP_PKEY_CTX_set_hkdf_md(context.get(), EVP_sha256()) == 1 &&
      EVP_PKEY_CTX_set1_hkdf_salt(context.get(), bytes_of("catalyst"), 8) == 1 &&
      EVP_PKEY_CTX_set1_hkdf_key(context.get(), bytes_of(secret), static_cast<int>(secret.size())) == 1 &&
      EVP_PKEY_CTX_add1_hkdf_info(context.get(), bytes_of(info), static_cast<int>(info.size())) == 1 &&
      EVP_PKEY_derive(context.get(), out, &size) == 1;
  CHECK(done, "OpenSSL derives no key");
}

}  // namespace

Sealer::Sealer(const std::vector<std::string>& secrets) {
  std::vector<std::string> all = secrets;
  if (all.empty()) {
    std::string random(32, '\0');
    CHECK(RAND_bytes(bytes_of(random), 32) == 1, "the system gives no random bytes");
    all.push_back(std::move(random));
  }
  for (const std::string& secret : all) {
    Key key;
    hkdf(secret, "key", key.bytes.data(), key.bytes.size());
    hkdf(secret, "naming", key.naming.data(), key.naming.size());
    hkdf(secret, "id", key.id.data(), key.id.size());
    keys_.push_back(key);
  }
}

std::string Sealer::seal(std::string_view purpose, std::string_view text) const {
  const Key& key = keys_.front();
  std::string out(kHeadBytes + text.size() + kTagBytes, '\0');
  out[0] = static_cast<char>(kVersion);
  std::copy(key.id.begin(), key.id.end(), out.begin() + 1);
  unsigned char* const nonce = bytes_of(out) + 1 + kIdBytes;
  CHECK(RAND_bytes(nonce, kNonceBytes) == 1, "the system gives no random bytes");
  unsigned char* const body = bytes_of(out) + kHeadBytes;
  const CipherContext context(EVP_CIPHER_CTX_new());
  int length = 0;
  const bool done =
      context != nullptr &&
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.bytes.data(), nonce) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &length, bytes_of(purpose),
                        static_cast<int>(purpose.size())) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &length, bytes_of(out), 1 + kIdBytes) == 1 &&
      EVP_EncryptUpdate(context.get(), body, &length, bytes_of(text), static_cast<int>(text.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), body + length, &length) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, body + text.size()) == 1;
  CHECK(done, "OpenSSL does not encrypt");
  return base64url_encode(out);
}

std::optional<std::string> Sealer::open(std::string_view purpose, std::string_view sealed) const {
  std::optional<std::string> bytes = base64url_decode(sealed);
  if (!bytes || bytes->size() < kHeadBytes + kTagBytes || bytes->front() != static_cast<char>(kVersion)) {
    return std::nullopt;
  }
  const auto key = std::find_if(keys_.begin(), keys_.end(), [&](const Key& k) {
    return std::equal(k.id.begin(), k.id.end(), bytes_of(*bytes) + 1);
  });
  if (key == keys_.end()) {
    return std::nullopt;
  }
  const size_t size = bytes->size() - kHeadBytes - kTagBytes;
  unsigned char* const body = bytes_of(*bytes) + kHeadBytes;
  std::string text(size, '\0');
  const CipherContext context(EVP_CIPHER_CTX_new());
  int length = 0;
  const bool genuine =
      context != nullptr &&
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key->bytes.data(),
                         bytes_of(*bytes) + 1 + kIdBytes) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &length, bytes_of(purpose),
                        static_cast<int>(purpose.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &length, bytes_of(*bytes), 1 + kIdBytes) == 1 &&
      EVP_DecryptUpdate(context.get(), bytes_of(text), &length, body, static_cast<int>(size)) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, body + size) == 1 &&
      EVP_DecryptFinal_ex(context.get(), bytes_of(text) + size, &length) == 1;
  return genuine ? std::optional(std::move(text)) : std::nullopt;
}

std::string Sealer::name(std::string_view purpose, std::string_view text) const {
  const std::string digest = digest_of({purpose, text});
  std::string out(32, '\0');
  unsigned int length = 0;
  const std::array<unsigned char, 32>& key = keys_.front().naming;
  CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(std::string_view(digest)),
             digest.size(), bytes_of(out), &length) != nullptr,
        "OpenSSL computes no HMAC");
  return base64url_encode(out);
}

std::string random_bytes(size_t count) {
  std::string out(count, '\0');
  CHECK(RAND_bytes(bytes_of(out), static_cast<int>(count)) == 1, "the system gives no random bytes");
  return out;
}

std::string digest_of(std::initializer_list<std::string_view> parts) {
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  bool done = context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  for (const std::string_view part : parts) {
    const uint64_t size = part.size();
    done = done && EVP_DigestUpdate(context.get(), &size, sizeof size) == 1 &&
           EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  }
  std::string out(32, '\0');
  unsigned int length = 0;
  CHECK(done && EVP_DigestFinal_ex(context.get(), bytes_of(out), &length) == 1, "OpenSSL computes no digest");
  return out;
}

}  // namespace catalyst::mcp
