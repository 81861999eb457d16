#include "compiler/pack/sign.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <set>
#include <utility>

#include "compiler/pack/module_codec.h"
#include "compiler/pack/refusal.h"
#include "runtime/base/check.h"

namespace catalyst::pack {
namespace {

/// So that a signature of a pack is good for nothing else.
constexpr std::string_view kPurpose = "catalyst pack manifest v1\n";
constexpr size_t kRawKeyBytes = 32;
constexpr size_t kSignatureBytes = 64;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using KeyPointer = std::unique_ptr<EVP_PKEY, FreeKey>;
using BioPointer = std::unique_ptr<BIO, FreeBio>;

BioPointer memory(std::string_view text) {
  return BioPointer(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string text_of(BIO* bio) {
  char* bytes = nullptr;
  const long length = BIO_get_mem_data(bio, &bytes);
  return {bytes, static_cast<size_t>(length)};
}

/// Never asks a terminal: a locked key is no key here.
int no_password(char* /*out*/, int /*size*/, int /*writing*/, void* /*user*/) { return 0; }

std::string message_of(const Opened& pack) { return std::string(kPurpose).append(pack.manifest_bytes); }

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

struct Key::Impl {
  KeyPointer key;
};

Key::Key(std::shared_ptr<const Impl> impl, std::string name)
    : impl_(std::move(impl)), name_(std::move(name)) {
  std::string raw(kRawKeyBytes, '\0');
  size_t size = raw.size();
  CHECK(
      EVP_PKEY_get_raw_public_key(impl_->key.get(), reinterpret_cast<unsigned char*>(raw.data()), &size) == 1,
      "an Ed25519 key has a public half");
  id_ = sha256(raw);
}

Result<Key> Key::private_from_pem(std::string_view pem) {
  KeyPointer key(PEM_read_bio_PrivateKey(memory(pem).get(), nullptr, &no_password, nullptr));
  if (key == nullptr || EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) {
    return refuse(Refusal::BadKey, "no unlocked Ed25519 private key in PEM");
  }
  return Key(std::make_shared<Impl>(Impl{std::move(key)}), "");
}

Result<Key> Key::public_from_pem(std::string_view pem, std::string name) {
  KeyPointer key(PEM_read_bio_PUBKEY(memory(pem).get(), nullptr, &no_password, nullptr));
  if (key == nullptr || EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) {
    return refuse(Refusal::BadKey, name + ": no Ed25519 public key in PEM");
  }
  return Key(std::make_shared<Impl>(Impl{std::move(key)}), std::move(name));
}

Key Key::generate() {
  KeyPointer key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  CHECK(key != nullptr, "OpenSSL makes Ed25519 keys");
  return {std::make_shared<Impl>(Impl{std::move(key)}), ""};
}

std::string Key::private_pem() const {
  const BioPointer out(BIO_new(BIO_s_mem()));
  CHECK(
      PEM_write_bio_PKCS8PrivateKey(out.get(), impl_->key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
      "a key in memory is written");
  return text_of(out.get());
}

std::string Key::public_pem() const {
  const BioPointer out(BIO_new(BIO_s_mem()));
  CHECK(PEM_write_bio_PUBKEY(out.get(), impl_->key.get()) == 1, "a key in memory is written");
  return text_of(out.get());
}

Signature Key::sign(const Opened& pack) const {
  const std::string message = message_of(pack);
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  Signature out{id_, std::vector<uint8_t>(kSignatureBytes)};
  size_t size = out.bytes.size();
  CHECK(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, impl_->key.get()) == 1 &&
            EVP_DigestSign(context.get(), out.bytes.data(), &size, bytes_of(message), message.size()) == 1 &&
            size == kSignatureBytes,
        "an Ed25519 key signs");
  return out;
}

bool Key::signed_it(const Opened& pack, const Signature& signature) const {
  if (signature.key != id_ || signature.bytes.size() != kSignatureBytes) {
    return false;
  }
  const std::string message = message_of(pack);
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, impl_->key.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.bytes.data(), signature.bytes.size(), bytes_of(message),
                          message.size()) == 1;
}

Result<std::vector<std::string>> check_trust(const Opened& pack, const Trust& trust) {
  std::vector<std::string> names;
  std::set<Digest> seen;
  for (const Key& key : trust.keys) {
    const bool good = std::any_of(pack.signatures.begin(), pack.signatures.end(),
                                  [&](const Signature& signature) { return key.signed_it(pack, signature); });
    if (good && seen.insert(key.id()).second) {
      names.push_back(key.name());
    }
  }
  if (trust.demands_signatures() && names.size() < trust.required) {
    return refuse(Refusal::Unsigned, title(pack) + ": " + std::to_string(names.size()) + " of " +
                                         std::to_string(trust.required) + " required, " +
                                         std::to_string(pack.signatures.size()) + " in the pack");
  }
  return names;
}

}  // namespace catalyst::pack
