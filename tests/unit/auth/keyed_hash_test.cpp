#include "server/auth/keyed_hash.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <cstring>
#include <string>

namespace catalyst::server {
namespace {

/// OpenSSL's SipHash-2-4 with 16 bytes of output.
KeyedHash::Value reference(std::span<const uint8_t, 16> key, std::string_view text) {
  EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "SIPHASH", nullptr);
  EVP_MAC_CTX* const context = EVP_MAC_CTX_new(mac);
  KeyedHash::Value out{};
  size_t length = 0;
  EXPECT_EQ(EVP_MAC_init(context, key.data(), key.size(), nullptr), 1);
  EXPECT_EQ(EVP_MAC_update(context, reinterpret_cast<const uint8_t*>(text.data()), text.size()), 1);
  EXPECT_EQ(EVP_MAC_final(context, reinterpret_cast<uint8_t*>(out.data()), &length, sizeof out), 1);
  EXPECT_EQ(length, sizeof out);
  EVP_MAC_CTX_free(context);
  EVP_MAC_free(mac);
  return out;
}

TEST(KeyedHash, IsSipHash) {
  uint8_t key[16];
  for (uint8_t i = 0; i < 16; ++i) {
    key[i] = static_cast<uint8_t>(i * 17 + 3);
  }
  const KeyedHash hash(key);
  std::string text;
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(hash(text), reference(key, text)) << i;
    text += static_cast<char>(i * 31);
  }
}

TEST(KeyedHash, HasAKeyOfItsOwn) {
  const KeyedHash one;
  const KeyedHash other;
  EXPECT_EQ(one("a token"), one("a token"));
  EXPECT_NE(one("a token"), one("a tokem"));
  EXPECT_NE(one("a token"), other("a token"));
}

}  // namespace
}  // namespace catalyst::server
