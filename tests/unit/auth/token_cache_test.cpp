#include "server/auth/token_cache.h"

#include <gtest/gtest.h>

namespace catalyst::server {
namespace {

IdentityPtr identity(int64_t expires_us) {
  auto out = std::make_shared<Identity>(PrincipalConfig{"x"});
  out->expires_us = expires_us;
  return out;
}

TEST(TokenCache, ForgetsWhatWasNotUsedAndWhatHasEnded) {
  TokenCache cache(160);
  for (int i = 0; i < 10'000; ++i) {
    cache.insert(sha256(std::to_string(i)), identity(100));
    EXPECT_NE(cache.find(sha256("0"), 50), nullptr) << i;  // in use all the time
  }
  EXPECT_LE(cache.size(), 160u);
  EXPECT_EQ(cache.find(sha256("1"), 50), nullptr);
  EXPECT_EQ(cache.find(sha256("0"), 100), nullptr);
  cache.insert(sha256("a"), identity(100));
  cache.erase(sha256("a"));
  EXPECT_EQ(cache.find(sha256("a"), 50), nullptr);
}

}  // namespace
}  // namespace catalyst::server
