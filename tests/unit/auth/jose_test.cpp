#include "server/auth/jose.h"

#include <gtest/gtest.h>

#include "runtime/base/base64.h"
#include "tests/unit/auth/signer.h"

namespace catalyst::server {
namespace {

using test::jwks;
using test::Signer;

TEST(Base64Url, IsStrict) {
  EXPECT_EQ(base64url_decode("-_8"), "\xfb\xff");
  EXPECT_EQ(base64url_decode(""), "");
  for (const char* bad : {"A", "AA==", "A A", "AA+A", "AB", "AAB", "AA\n"}) {
    EXPECT_EQ(base64url_decode(bad), std::nullopt) << bad;
  }
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    bytes += static_cast<char>(i * 7);
    EXPECT_EQ(base64url_decode(base64url_encode(bytes)), bytes);
  }
}

TEST(StrictJson, TakesNoMemberTwiceAndNoDepth) {
  EXPECT_TRUE(parse_strict(R"({"a":{"b":1},"b":[{"a":1},{"a":2}]})"));
  EXPECT_FALSE(parse_strict(R"({"a":1,"a":1})"));
  EXPECT_FALSE(parse_strict(R"({"x":{"a":1,"b":2,"\u0061":3}})"));
  EXPECT_FALSE(parse_strict(R"({"a":1} {"a":2})"));
  EXPECT_FALSE(parse_strict("{\"a\":\"\xff\"}"));
  EXPECT_FALSE(parse_strict(std::string(100'000, '[')));
  EXPECT_FALSE(parse_strict(std::string(17, '[') + std::string(17, ']')));
  EXPECT_TRUE(parse_strict(std::string(16, '[') + std::string(16, ']')));
}

TEST(Jose, EveryAlgorithmVerifiesItsOwnAndNothingElse) {
  for (const char* name : {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"}) {
    const Signer signer(name, "k");
    const Signer other(name, "k");
    const std::string token = signer.sign({{"sub", "ana"}});
    const auto jws = parse_compact(token);
    ASSERT_TRUE(jws.has_value()) << name;
    const auto mine = parse_jwks(jwks({&signer}));
    const auto theirs = parse_jwks(jwks({&other}));
    ASSERT_TRUE(mine.has_value() && theirs.has_value()) << name;
    const Algorithm algorithm = *algorithm_of(name);
    EXPECT_TRUE(verify_signature(mine->front(), algorithm, jws->signing_input, jws->signature)) << name;
    EXPECT_FALSE(verify_signature(theirs->front(), algorithm, jws->signing_input, jws->signature)) << name;
    for (size_t i = 0; i < jws->signature.size(); i += 7) {
      std::string altered = jws->signature;
      altered[i] = static_cast<char>(altered[i] ^ 1);
      EXPECT_FALSE(verify_signature(mine->front(), algorithm, jws->signing_input, altered)) << name << i;
    }
    for (const std::string& cut : {std::string(), jws->signature.substr(1), jws->signature + "x",
                                   std::string(jws->signature.size(), '\0')}) {
      EXPECT_FALSE(verify_signature(mine->front(), algorithm, jws->signing_input, cut)) << name;
    }
    EXPECT_FALSE(
        verify_signature(mine->front(), algorithm, std::string(jws->signing_input) + "x", jws->signature));
  }
}

TEST(Jose, AKeyServesItsOwnKindOfSignatureOnly) {
  Signer rsa("RS256", "k");
  Json open = rsa.jwk();
  open.erase("alg");
  const auto any = parse_jwks(Json{{"keys", {open}}}.dump());
  const auto bound = parse_jwks(jwks({&rsa}));
  ASSERT_TRUE(any.has_value() && bound.has_value());
  EXPECT_TRUE(any->front().fits(Algorithm::Ps512));
  EXPECT_FALSE(any->front().fits(Algorithm::Es256));
  EXPECT_FALSE(any->front().fits(Algorithm::EdDsa));
  EXPECT_TRUE(bound->front().fits(Algorithm::Rs256));
  EXPECT_FALSE(bound->front().fits(Algorithm::Rs512));
}

TEST(Jose, KnowsNeitherNoneNorSharedSecrets) {
  for (const char* name : {"none", "None", "NONE", "HS256", "HS512", "", "RS1", "ES256K", "rs256"}) {
    EXPECT_EQ(algorithm_of(name), std::nullopt) << name;
  }
}

TEST(Jose, KeysThatCannotVerifyAreLeftOut) {
  const Signer good("ES256", "good");
  Json off_curve = good.jwk();
  off_curve["x"] = base64url_encode(std::string(32, 'x'));
  Json encrypts = good.jwk();
  encrypts["use"] = "enc";
  Json signs = good.jwk();
  signs["key_ops"] = {"sign"};
  Json wrong = good.jwk();
  wrong["alg"] = "RS256";
  const Json small = {{"kty", "RSA"}, {"n", base64url_encode(std::string(128, '\xff'))}, {"e", "AQAB"}};
  const Json even = {{"kty", "RSA"}, {"n", base64url_encode(std::string(256, '\xff'))}, {"e", "AQAA"}};
  const Json secret = {{"kty", "oct"}, {"k", "c2VjcmV0"}};
  const auto keys = parse_jwks(
      Json{{"keys", {off_curve, encrypts, signs, wrong, small, even, secret, 7, nullptr, good.jwk()}}}
          .dump());
  ASSERT_TRUE(keys.has_value());
  ASSERT_EQ(keys->size(), 1u);
  EXPECT_EQ(keys->front().kid, "good");
  for (const char* bad : {"", "[]", "{}", R"({"keys":{}})", R"({"keys":[]})", R"({"keys":[1],"keys":[2]})"}) {
    EXPECT_TRUE(parse_jwks(bad).has_error()) << bad;
  }
  Json many = Json::array();
  for (int i = 0; i < 101; ++i) {
    many.push_back(good.jwk());
  }
  EXPECT_TRUE(parse_jwks(Json{{"keys", many}}.dump()).has_error());
}

TEST(Jose, BrokenTokensAreErrors) {
  const Signer signer("ES256", "k");
  const std::string good = signer.sign({{"sub", "ana"}});
  EXPECT_TRUE(parse_compact(good).has_value());
  for (size_t i = 0; i < good.size(); ++i) {
    const auto cut = parse_compact(std::string_view(good).substr(0, i));  // must not crash
    if (cut.has_value()) {
      EXPECT_GT(i, good.rfind('.'));
    }
  }
  const std::string e = base64url_encode("{}");
  for (const std::string& bad :
       {std::string("a.b.c"), e + "." + e, e + "." + e + "." + e + "." + e,
        e + "." + base64url_encode("[]") + ".",
        base64url_encode(R"({"alg":"ES256","alg":"none"})") + "." + e + ".AA",
        base64url_encode(R"({"alg":"ES256","crit":["exp"]})") + "." + e + ".AA", e + "=." + e + ".AA"}) {
    EXPECT_TRUE(parse_compact(bad).has_error()) << bad;
  }
}

}  // namespace
}  // namespace catalyst::server
