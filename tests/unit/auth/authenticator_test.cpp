#include "server/auth/authenticator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/hmac.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <ctime>
#include <fstream>
#include <thread>

#include "runtime/base/base64.h"
#include "runtime/base/clock.h"
#include "server/auth/token_memo.h"
#include "server/config/digest.h"
#include "tests/unit/auth/signer.h"
#include "tests/unit/mcp/fakes.h"

namespace catalyst::server {
namespace {

using test::jwks;
using test::Signer;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kIssuer = "https://login.example";
constexpr const char* kUrl = "https://gw.example";

std::string temporary(const std::string& name) {
  return testing::TempDir() + "catalyst_auth_" + std::to_string(::getpid()) + "_" + name;
}

void write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

Config two_tokens() {
  Config config;
  config.auth.allow_anonymous = false;
  config.auth.admin_role = "boss";
  config.auth.viewer_role = "reader";
  config.auth.tokens.push_back(
      {hex_digest(sha256("token-of-ana-1234")), {"ana", "acme", {"dba", "boss"}, true, 3, "{}"}});
  config.auth.tokens.push_back(
      {hex_digest(sha256("token-of-bob-1234")), {"bob", "acme", {"reader"}, false, 0, "{}"}});
  config.auth.tokens.push_back({hex_digest(sha256("token-of-old-1234")), {"old"}, 1});
  return config;
}

class AuthTest : public testing::Test {
 protected:
  ~AuthTest() override {
    ::unlink(keys_file_.c_str());
    ::unlink(jwks_file_.c_str());
  }

  void make(Config config) {
    config_ = std::move(config);
    resources_ = std::make_unique<Resources>(config_, kUrl);
    auth_ = std::make_unique<TokenAuthenticator>(config_.auth, *resources_, TokenAuthenticator::Options{});
    ASSERT_TRUE(auth_->load().has_value());
    auth_->start(io_.get_executor());
  }
  /// An issuer whose keys are those of the signers.
  Config issuer(std::initializer_list<const Signer*> signers) {
    write(jwks_file_, jwks(signers));
    Config config;
    config.auth.allow_anonymous = false;
    IssuerConfig known;
    known.issuer = kIssuer;
    known.jwks = jwks_file_;
    known.id_claim = "sub";
    known.tenant_claim = "org.name";
    known.roles_claim = "https://acme.example/roles";
    known.scope_claim = "scope";
    config.auth.issuers.push_back(known);
    UpstreamConfig files;
    files.name = "files";
    config.servers.push_back(files);
    return config;
  }
  static Json claims() {
    const int64_t now = std::time(nullptr);
    return {{"iss", kIssuer},
            {"sub", "ana"},
            {"aud", std::string(kUrl) + "/mcp"},
            {"exp", now + 300},
            {"iat", now},
            {"scope", "read write"},
            {"org", {{"name", "acme"}}},
            {"https://acme.example/roles", {"dba", "dev"}},
            {"amr", {"pwd", "mfa"}}};
  }
  Admission ask(const std::string& authorization, const std::string& path = "/mcp") {
    mcp::FakeExchange exchange;
    exchange.target = path;
    if (!authorization.empty()) {
      exchange.headers["Authorization"] = authorization;
    }
    return auth_->admit({exchange, nullptr});
  }
  Admission bearer(const std::string& token, const std::string& path = "/mcp") {
    return ask("Bearer " + token, path);
  }
  void refused(const std::string& token, const std::string& why) {
    const Admission out = bearer(token);
    EXPECT_EQ(out.principal, nullptr) << why;
    EXPECT_EQ(out.status, 401) << why;
    EXPECT_THAT(out.challenge, HasSubstr("error=\"invalid_token\"")) << why;
    EXPECT_THAT(out.body, HasSubstr(why));
  }

  asio::io_context io_;
  Config config_;
  std::unique_ptr<Resources> resources_;
  std::unique_ptr<TokenAuthenticator> auth_;
  std::string keys_file_ = temporary("keys.yaml");
  std::string jwks_file_ = temporary("jwks.json");
};

TEST_F(AuthTest, KnowsPrincipalsByToken) {
  make(two_tokens());
  const Admission ana = bearer("token-of-ana-1234");
  ASSERT_NE(ana.principal, nullptr);
  EXPECT_EQ(ana.principal->id, "ana");
  EXPECT_EQ(ana.principal->tenant, "acme");
  EXPECT_THAT(ana.principal->roles, ElementsAre("dba", "boss"));
  EXPECT_TRUE(ana.principal->mfa);
  EXPECT_EQ(ana.principal->risk, 3);
  EXPECT_TRUE(auth_->is_admin(*ana.principal));
  EXPECT_TRUE(auth_->is_viewer(*ana.principal));
  EXPECT_EQ(bearer("token-of-ana-1234").principal, ana.principal);  // built once
  const Admission bob = ask("bearer   token-of-bob-1234");
  ASSERT_NE(bob.principal, nullptr);
  EXPECT_FALSE(auth_->is_admin(*bob.principal));
  EXPECT_TRUE(auth_->is_viewer(*bob.principal));
  EXPECT_NE(bob.principal->cache_key, ana.principal->cache_key);
}

TEST_F(AuthTest, RefusesEverythingElse) {
  make(two_tokens());
  const std::pair<const char*, int> cases[] = {{"", 401},
                                               {"Bearer", 400},
                                               {"Bearer ", 400},
                                               {"Bearer token-of-ana-1235", 401},
                                               {"Basic token-of-ana-1234", 401},
                                               {"Bearer token-of-ana-123", 401},
                                               {"Bearer token-of-old-1234", 401},
                                               {"Bearer token-of-ana-1234 x", 400},
                                               {"Bearer token\"of-ana", 400},
                                               {"token-of-ana-1234", 401}};
  for (const auto& [header, status] : cases) {
    const Admission out = ask(header);
    EXPECT_EQ(out.principal, nullptr) << header;
    EXPECT_EQ(out.status, status) << header;
    EXPECT_THAT(out.challenge, testing::StartsWith("Bearer")) << header;
    EXPECT_EQ((out.challenge + out.body).find("ana"), std::string::npos) << header;
  }
  EXPECT_EQ(bearer(std::string(9'000, 'a')).status, 400);
}

TEST_F(AuthTest, AnonymousOnlyWhenAllowedAndNeverForAWrongToken) {
  Config config;
  config.auth.anonymous.id = "guest";
  make(config);
  ASSERT_NE(ask("").principal, nullptr);
  EXPECT_EQ(ask("").principal->id, "guest");
  EXPECT_EQ(bearer("wrong-token-000000").principal, nullptr);
}

TEST_F(AuthTest, AKeyMayStandInAHeaderOfItsOwnButNotInTwo) {
  Config config = two_tokens();
  config.auth.api_key_header = "X-API-Key";
  make(config);
  mcp::FakeExchange exchange;
  exchange.headers["X-API-Key"] = "token-of-ana-1234";
  ASSERT_NE(auth_->admit({exchange, nullptr}).principal, nullptr);
  exchange.headers["Authorization"] = "Bearer token-of-ana-1234";
  EXPECT_EQ(auth_->admit({exchange, nullptr}).status, 400);
}

TEST_F(AuthTest, TheKeysFileIsReadAgain) {
  Config config;
  config.auth.allow_anonymous = false;
  config.auth.keys_file = keys_file_;
  write(keys_file_, "- {sha256: " + hex_digest(sha256("first-token-123456")) + ", id: one}\n");
  make(config);
  ASSERT_NE(bearer("first-token-123456").principal, nullptr);
  write(keys_file_, "- {sha256: " + hex_digest(sha256("second-token-12345")) + ", id: two, roles: [a]}\n");
  auth_->reload();
  EXPECT_EQ(bearer("first-token-123456").principal, nullptr);
  ASSERT_NE(bearer("second-token-12345").principal, nullptr);
  for (const char* broken :
       {"- {id: x}\n", "- {sha256: abc, id: x}\n", "{{{", "- {token: clear-text-token-1, id: x}\n",
        "- {sha256: 0, id: x, rolls: [a]}\n"}) {
    write(keys_file_, broken);
    auth_->reload();
    EXPECT_NE(bearer("second-token-12345").principal, nullptr) << broken;
  }
}

TEST_F(AuthTest, ATokenEndsAlsoWhenItWasSeenBefore) {
  Config config = two_tokens();
  config.auth.tokens[2].expires_us = wall_us() + 300'000;
  make(config);
  EXPECT_NE(bearer("token-of-old-1234").principal, nullptr);
  EXPECT_NE(bearer("token-of-old-1234").principal, nullptr);
  while (wall_us() <= config.auth.tokens[2].expires_us) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  refused("token-of-old-1234", "the token has expired");
}

TEST_F(AuthTest, WhatOneAuthenticatorSawAnotherDoesNotKnow) {
  make(two_tokens());
  Config config;
  config.auth.allow_anonymous = false;
  const Resources resources(config, kUrl);
  TokenAuthenticator other(config.auth, resources, {});
  mcp::FakeExchange exchange;
  exchange.target = "/mcp";
  exchange.headers["Authorization"] = "Bearer token-of-ana-1234";
  for (int i = 0; i < 3; ++i) {
    EXPECT_NE(bearer("token-of-ana-1234").principal, nullptr);
    EXPECT_EQ(other.admit({exchange, nullptr}).principal, nullptr);
  }
}

TEST_F(AuthTest, EachOfManyTokensNamesItsOwnPrincipal) {
  Config config;
  const int many = 3 * static_cast<int>(TokenMemo::kPlaces);
  const auto token = [](int i) { return "token-number-" + std::to_string(100'000 + i); };
  for (int i = 0; i < many; ++i) {
    config.auth.tokens.push_back({hex_digest(sha256(token(i))), {"user" + std::to_string(i)}});
  }
  make(config);
  for (int i = 0; i < 2 * many; ++i) {
    const Admission out = bearer(token(i * 7 % many));
    ASSERT_NE(out.principal, nullptr) << i;
    EXPECT_EQ(out.principal->id, "user" + std::to_string(i * 7 % many));
  }
}

TEST_F(AuthTest, AJwtBecomesAPrincipal) {
  for (const char* algorithm : {"RS256", "PS384", "ES256", "ES384", "EdDSA"}) {
    const Signer signer(algorithm, "k1");
    make(issuer({&signer}));
    const Admission out = bearer(signer.sign(claims()));
    ASSERT_NE(out.principal, nullptr) << algorithm << out.body;
    EXPECT_EQ(out.principal->id, "ana");
    EXPECT_EQ(out.principal->tenant, "acme");
    EXPECT_THAT(out.principal->roles, ElementsAre("dba", "dev"));
    EXPECT_THAT(out.principal->scopes, ElementsAre("read", "write"));
    EXPECT_TRUE(out.principal->mfa);
    EXPECT_THAT(std::string(out.principal->claims), HasSubstr("\"iss\":\"https://login.example\""));
  }
}

TEST_F(AuthTest, OnePrincipalPerTokenUntilTheKeysChange) {
  const Signer first("ES256", "k1");
  const Signer second("ES256", "k2");
  make(issuer({&first}));
  const std::string token = first.sign(claims());
  const Admission once = bearer(token);
  ASSERT_NE(once.principal, nullptr);
  EXPECT_EQ(bearer(token).principal, once.principal);
  write(jwks_file_, jwks({&first, &second}));  // rotation: the old key still serves
  auth_->reload();
  EXPECT_NE(bearer(token).principal, nullptr);
  EXPECT_NE(bearer(second.sign(claims())).principal, nullptr);
  write(jwks_file_, jwks({&second}));  // the old key is revoked, and with it its tokens
  auth_->reload();
  refused(token, "the token's key is not known");
}

TEST_F(AuthTest, HostileTokensAreRefused) {
  const Signer signer("RS256", "k1");
  const Signer stranger("RS256", "k1");
  make(issuer({&signer}));
  const auto with = [](const char* name, const Json& value) {
    Json out = claims();
    out[name] = value;
    return out;
  };
  const auto without = [](const char* name) {
    Json out = claims();
    out.erase(name);
    return out;
  };
  const int64_t now = std::time(nullptr);
  refused(stranger.sign(claims()), "signature is wrong");
  refused(signer.sign(with("exp", now - 31)), "expired");
  refused(signer.sign(with("exp", "tomorrow")), "exp");
  refused(signer.sign(with("exp", 1e300)), "exp");
  refused(signer.sign(without("exp")), "exp");
  refused(signer.sign(with("nbf", now + 60)), "not valid yet");
  refused(signer.sign(with("iat", now + 60)), "not valid yet");
  refused(signer.sign(with("iss", "https://login.example/")), "another issuer");
  refused(signer.sign(with("iss", Json::array({kIssuer}))), "another issuer");
  refused(signer.sign(without("iss")), "another issuer");
  refused(signer.sign(without("aud")), "aud");
  refused(signer.sign(with("aud", "https://other.example/mcp")), "another resource");
  refused(signer.sign(with("aud", "https://gw.example.evil/mcp")), "another resource");
  refused(signer.sign(with("sub", "")), "principal");
  refused(signer.sign(with("sub", "a\nb")), "principal");
  refused(signer.sign(with("sub", {{"a", 1}})), "principal");
  refused(signer.sign(claims(), {{"typ", "dpop+jwt"}}), "type");
  refused(signer.sign(claims(), {{"typ", 7}}), "type");
  refused(signer.sign(claims(), {{"kid", "k2"}}), "key is not known");
  refused(signer.sign(claims(), {{"kid", "../../etc/passwd"}}), "key is not known");
  refused(signer.sign(claims(), {{"kid", {"k1"}}}), "key is not known");
  refused(signer.sign(claims(), {{"crit", {"exp"}}}), "extension");
  refused(signer.sign_text(R"({"alg":"RS256","kid":"k1"})", R"({"iss":"https://login.example","iss":"x"})"),
          "damaged");
  EXPECT_NE(bearer(signer.sign(with("exp", now - 20))).principal, nullptr);  // within the leeway
}

TEST_F(AuthTest, AKeyThatTheTokenBringsIsNeverUsed) {
  const Signer signer("ES256", "k1");
  const Signer attacker("ES256", "mine");
  make(issuer({&signer}));
  refused(attacker.sign(claims(), {{"jwk", attacker.jwk()}}), "key is not known");
  refused(attacker.sign(claims(), {{"jku", "https://evil.example/jwks"}, {"kid", "k1"}}),
          "signature is wrong");
}

/// The classic: an RSA public key used as the secret of an HMAC.
TEST_F(AuthTest, AlgorithmsCannotBeConfused) {
  const Signer signer("RS256", "k1");
  make(issuer({&signer}));
  const std::string pem = signer.public_pem();
  for (const char* algorithm : {"HS256", "none", "None", "RS512", "ES256", "EdDSA"}) {
    const std::string input =
        base64url_encode(Json{{"alg", algorithm}, {"kid", "k1"}, {"typ", "JWT"}}.dump()) + "." +
        base64url_encode(claims().dump());
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    HMAC(EVP_sha256(), pem.data(), static_cast<int>(pem.size()),
         reinterpret_cast<const unsigned char*>(input.data()), input.size(), mac, &size);
    for (const std::string& signature :
         {base64url_encode({reinterpret_cast<char*>(mac), size}), std::string()}) {
      EXPECT_EQ(bearer(input + "." + signature).principal, nullptr) << algorithm;
    }
  }
  Config narrow = issuer({&signer});
  narrow.auth.issuers[0].algorithms = {"PS256", "ES256"};
  make(narrow);
  refused(signer.sign(claims()), "kind that is not accepted");
}

TEST_F(AuthTest, ATokenIsForTheEndpointItNames) {
  const Signer signer("ES256", "k1");
  make(issuer({&signer}));
  const auto at = [&](const char* audience, const char* path) {
    Json out = claims();
    out["aud"] = audience;
    return bearer(signer.sign(out), path).principal != nullptr;
  };
  EXPECT_TRUE(at("https://gw.example/mcp", "/mcp"));
  EXPECT_TRUE(at("https://gw.example/mcp", "/mcp/files"));  // the federation holds it
  EXPECT_TRUE(at("https://gw.example/mcp/files", "/mcp/files"));
  EXPECT_FALSE(at("https://gw.example/mcp/files", "/mcp"));
  EXPECT_FALSE(at("https://gw.example/mcp", "/api/v1/pack"));
  EXPECT_TRUE(at("https://gw.example", "/api/v1/pack"));
  EXPECT_TRUE(at("https://gw.example/", "/mcp"));
}

TEST_F(AuthTest, ChallengesAndMetadataNameTheEndpoint) {
  const Signer signer("ES256", "k1");
  Config config = issuer({&signer});
  config.auth.scopes = {"mcp"};
  config.servers[0].scopes = {"files:read"};
  config.servers[0].tool_scopes = {{"write_*", "files:write"}};
  config.auth.scope_implies = {{"all", "mcp files:read"}, {"root", "all"}};
  make(config);
  EXPECT_EQ(ask("").challenge,
            "Bearer resource_metadata=\"https://gw.example/.well-known/oauth-protected-resource/mcp\", "
            "scope=\"mcp\"");
  EXPECT_EQ(ask("", "/mcp/files").challenge,
            "Bearer resource_metadata=\"https://gw.example/.well-known/oauth-protected-resource/mcp/files\", "
            "scope=\"mcp files:read\"");
  const Admission poor = bearer(signer.sign(claims()));
  EXPECT_EQ(poor.status, 403);
  EXPECT_THAT(poor.challenge, HasSubstr("error=\"insufficient_scope\""));
  EXPECT_THAT(poor.challenge, HasSubstr("scope=\"mcp\""));
  Json root = claims();
  root["scope"] = "root";
  const Admission rich = bearer(signer.sign(root), "/mcp/files");
  ASSERT_NE(rich.principal, nullptr);
  EXPECT_TRUE(resources_->missing("files", "read_file", *rich.principal).empty());
  EXPECT_THAT(resources_->missing("files", "write_file", *rich.principal),
              ElementsAre("mcp", "files:read", "files:write"));
  const Json metadata = Json::parse(*resources_->metadata("/.well-known/oauth-protected-resource/mcp/files"));
  EXPECT_EQ(metadata["resource"], "https://gw.example/mcp/files");
  EXPECT_EQ(metadata["authorization_servers"], Json::array({kIssuer}));
  EXPECT_EQ(metadata["scopes_supported"], Json({"mcp", "files:read", "files:write"}));
  EXPECT_EQ(Json::parse(*resources_->metadata("/.well-known/oauth-protected-resource"))["resource"],
            "https://gw.example/mcp");
  EXPECT_EQ(resources_->metadata("/.well-known/oauth-protected-resource/mcp/none"), std::nullopt);
  EXPECT_EQ(resources_->metadata("/.well-known/other"), std::nullopt);
}

TEST_F(AuthTest, CertificatesNamePrincipals) {
  Config config;
  config.auth.allow_anonymous = false;
  config.auth.certificates = {{"URI:spiffe://acme/agent/*", {"", "acme", {"agent"}}},
                              {"CN=ops,O=Acme", {"ops", "acme", {"boss"}}}};
  make(config);
  const auto who = [&](std::vector<std::string> names) -> std::string {
    mcp::FakeExchange exchange;
    const PeerCertificate certificate{std::move(names), {}};
    const Admission out = auth_->admit({exchange, &certificate});
    return out.principal == nullptr ? "-" : std::string(out.principal->id);
  };
  EXPECT_EQ(who({"DNS:a.example", "URI:spiffe://acme/agent/7", "CN=x"}), "spiffe://acme/agent/7");
  EXPECT_EQ(who({"CN=ops,O=Acme"}), "ops");
  EXPECT_EQ(who({"CN=ops,O=Acme,OU=x"}), "-");
  EXPECT_EQ(who({"DNS:spiffe://acme/agent/7"}), "-");
}

}  // namespace
}  // namespace catalyst::server
