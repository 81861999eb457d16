#include "server/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace catalyst::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

LoadedConfig load(const std::string& text) {
  return load_config(ConfigText{"/etc/catalyst/catalyst.yaml", text}, {});
}

std::string problems(const LoadedConfig& loaded) {
  std::string out;
  for (const Problem& problem : loaded.problems) {
    out += problem.text() + "\n";
  }
  return out;
}

TEST(Config, DefaultsComeFromTheTable) {
  const LoadedConfig loaded = load_config({}, {});
  EXPECT_EQ(problems(loaded), "");
  EXPECT_EQ(loaded.config.listen.host, "127.0.0.1");
  EXPECT_EQ(loaded.config.listen.port, 8080);
  EXPECT_EQ(loaded.config.separator, "__");
  EXPECT_EQ(loaded.config.limits.body_bytes, 4u << 20);
  EXPECT_EQ(loaded.config.drain_ms, 10'000);
  EXPECT_TRUE(loaded.config.watch);
  EXPECT_TRUE(loaded.config.auth.allow_anonymous);
}

TEST(Config, ReadsServersAndResolvesPathsFromTheFile) {
  const LoadedConfig loaded = load(R"(
listen: "[::1]:9000"
policy: policy.cata
servers:
  files:
    command: node
    args: [server.js, 7]
    env: {A: b}
    cwd: sub
    timeout: 5s
  web:
    url: https://tools.example/mcp
    headers: {Authorization: Bearer x}
)");
  ASSERT_EQ(problems(loaded), "");
  EXPECT_EQ(loaded.config.listen.host, "::1");
  EXPECT_THAT(loaded.config.policy, ElementsAre("/etc/catalyst/policy.cata"));
  ASSERT_EQ(loaded.config.servers.size(), 2u);
  const UpstreamConfig& files = loaded.config.servers[0];
  EXPECT_EQ(files.command, "node");
  EXPECT_THAT(files.args, ElementsAre("server.js", "7"));
  EXPECT_THAT(files.env, ElementsAre(Pair("A", "b")));
  EXPECT_EQ(files.cwd, "/etc/catalyst/sub");
  EXPECT_EQ(files.timeout_ms, 5000);
  EXPECT_EQ(loaded.config.servers[1].url, "https://tools.example/mcp");
}

TEST(Config, AcceptsTheMapOfClients) {
  const ConfigText client{"mcp.json",
                          "{\n\t\"mcpServers\": {\n\t\t\"a\": {\"command\": \"x\", \"autoApprove\": [\"y\"]},"
                          "\"b\": {\"type\": \"http\", \"url\": \"http://127.0.0.1:1/mcp\"}}}"};
  const LoadedConfig loaded = load_config({}, client);
  ASSERT_EQ(problems(loaded), "");
  ASSERT_EQ(loaded.config.servers.size(), 2u);
  EXPECT_EQ(loaded.config.servers[0].cwd, "");
  EXPECT_EQ(problems(load("mcpServers: {a: {command: x}}")), "");
}

TEST(Config, ReportsEverythingAtOnceWithPlacesAndRemedies) {
  const LoadedConfig loaded = load(R"(lisen: 1
threads: many
log: {level: infos}
limits:
  body: 10
servers:
  a__b: {command: x}
  c: {comand: y}
auth:
  tokens:
    - token: short
)");
  const std::string text = problems(loaded);
  EXPECT_THAT(text, HasSubstr("catalyst.yaml:1:1: unknown key `lisen`\n  help: did you mean `listen`?"));
  EXPECT_THAT(text, HasSubstr("catalyst.yaml:2:10: `threads` must be a whole number"));
  EXPECT_THAT(text, HasSubstr("`log.level` must be one of"));
  EXPECT_THAT(text, HasSubstr("did you mean `info`?"));
  EXPECT_THAT(text, HasSubstr("catalyst.yaml:5:9: `limits.body` must be from 1KiB to 256MiB"));
  EXPECT_THAT(text, HasSubstr("holds the separator"));
  EXPECT_THAT(text, HasSubstr("unknown key `comand` in `servers.c`"));
  EXPECT_THAT(text, HasSubstr("server `c` needs either `command` or `url`"));
  EXPECT_THAT(text, HasSubstr("`auth.tokens[0].id` is missing"));
  EXPECT_THAT(text, HasSubstr("at least 16 characters"));
}

TEST(Config, InterpolatesTheEnvironment) {
  ::setenv("CATALYST_TEST_HOST", "127.0.0.9", 1);
  ::unsetenv("CATALYST_TEST_NONE");
  EXPECT_EQ(load("listen: ${CATALYST_TEST_HOST}:${CATALYST_TEST_NONE:-81}").config.listen.host, "127.0.0.9");
  EXPECT_EQ(load("listen: ${CATALYST_TEST_HOST}:${CATALYST_TEST_NONE:-81}").config.listen.port, 81);
  EXPECT_THAT(problems(load("separator: ${CATALYST_TEST_NONE}")), HasSubstr("CATALYST_TEST_NONE is not set"));
  EXPECT_EQ(load("separator: $${a}").config.separator, "${a}");
}

TEST(Config, RefusesToServeTheNetworkWithoutAuthentication) {
  EXPECT_THAT(problems(load("listen: 0.0.0.0:8080")), HasSubstr("without any authentication"));
  EXPECT_EQ(problems(load("listen: 0.0.0.0:8080\ninsecure_no_auth: true")), "");
  EXPECT_EQ(problems(load("listen: 0.0.0.0:80\nauth: {tokens: [{token: 0123456789abcdef, id: a}]}")), "");
}

TEST(Config, SurvivesHostileText) {
  std::string deep;
  for (int i = 0; i < 400; ++i) {
    deep += "[";
  }
  EXPECT_FALSE(load(deep).ok());
  EXPECT_FALSE(
      load("a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n"
           "d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e]")
          .ok());
  EXPECT_FALSE(load("listen: a\nlisten: b").ok());
  EXPECT_FALSE(load("- 1\n- 2").ok());
  EXPECT_FALSE(load("\x01\xff").ok());
  EXPECT_FALSE(load(std::string(2 << 20, '#')).ok());
}

TEST(Units, ReadSizesDurationsAndAddresses) {
  EXPECT_EQ(*parse_bytes("4MiB"), 4 << 20);
  EXPECT_EQ(*parse_bytes("512"), 512);
  EXPECT_TRUE(parse_bytes("4 apples").has_error());
  EXPECT_TRUE(parse_bytes("99999999999999GiB").has_error());
  EXPECT_EQ(*parse_duration_ms("1d"), 86'400'000);
  EXPECT_EQ(*parse_duration_ms("0"), 0);
  EXPECT_TRUE(parse_duration_ms("5").has_error());
  EXPECT_TRUE(parse_address("localhost").has_error());
  EXPECT_TRUE(parse_address("::1:80").has_error());
  EXPECT_TRUE(parse_address("a:70000").has_error());
}

}  // namespace
}  // namespace catalyst::server
