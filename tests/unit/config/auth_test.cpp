#include <gtest/gtest.h>

#include "server/auth/authenticator.h"
#include "server/config/digest.h"

namespace catalyst::server {
namespace {

AuthConfig two_tokens() {
  AuthConfig config;
  config.allow_anonymous = false;
  config.admin_role = "boss";
  config.tokens.push_back(
      {hex_digest(sha256("token-of-ana-1234")), {"ana", "acme", {"dba", "boss"}, true, 3, "{}"}});
  config.tokens.push_back(
      {hex_digest(sha256("token-of-bob-1234")), {"bob", "acme", {"dba"}, false, 0, "{}"}});
  return config;
}

TEST(Auth, KnowsPrincipalsByToken) {
  const TokenAuthenticator auth(two_tokens());
  const decision::Principal* ana = auth.authenticate("Bearer token-of-ana-1234");
  ASSERT_NE(ana, nullptr);
  EXPECT_EQ(ana->id, "ana");
  EXPECT_EQ(ana->tenant, "acme");
  ASSERT_EQ(ana->roles.size(), 2u);
  EXPECT_EQ(ana->roles[0], "dba");
  EXPECT_TRUE(ana->mfa);
  EXPECT_EQ(ana->risk, 3);
  EXPECT_TRUE(auth.is_admin(*ana));
  const decision::Principal* bob = auth.authenticate("bearer   token-of-bob-1234");
  ASSERT_NE(bob, nullptr);
  EXPECT_FALSE(auth.is_admin(*bob));
}

TEST(Auth, RefusesEverythingElse) {
  const TokenAuthenticator auth(two_tokens());
  for (const char* header : {"", "Bearer", "Bearer ", "Bearer token-of-ana-1235", "Basic token-of-ana-1234",
                             "Bearer token-of-ana-123", "token-of-ana-1234"}) {
    EXPECT_EQ(auth.authenticate(header), nullptr) << header;
  }
}

TEST(Auth, AnonymousOnlyWhenAllowed) {
  AuthConfig config;
  config.anonymous.id = "guest";
  const TokenAuthenticator auth(config);
  ASSERT_NE(auth.authenticate(""), nullptr);
  EXPECT_EQ(auth.authenticate("")->id, "guest");
  EXPECT_EQ(auth.authenticate("Bearer wrong-token-000000"), nullptr);
}

TEST(Digest, IsSha256) {
  EXPECT_EQ(hex_digest(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace catalyst::server
