#include "compiler/pack/pack.h"

#include <gtest/gtest.h>

#include "compiler/ir/print.h"
#include "compiler/pack/module_codec.h"
#include "compiler/pack/refusal.h"
#include "compiler/pack/sign.h"
#include "tests/unit/differential/generator.h"
#include "tests/unit/pack/goldens.h"

namespace catalyst::pack {
namespace {

using testing::golden_packs;

const driver::PackBuild& tour() {
  for (const auto& [path, built] : golden_packs()) {
    if (path.ends_with("check/tour.cata")) {
      return built;
    }
  }
  return golden_packs().front().second;
}

std::string refusal_of(std::string_view bytes, const driver::LoadOptions& options = {}) {
  const auto loaded = driver::load_pack(bytes, options);
  return loaded.has_error() ? std::string(slug(loaded.error().code)) : "";
}

std::string signed_by(std::string_view bytes, const std::vector<Key>& keys) {
  const auto opened = open(bytes);
  std::vector<Signature> signatures;
  for (const Key& key : keys) {
    signatures.push_back(key.sign(*opened));
  }
  return with_signatures(bytes, *opened, signatures);
}

Key public_half(const Key& key, std::string name) {
  return *Key::public_from_pem(key.public_pem(), std::move(name));
}

TEST(Pack, WhatIsReadIsWhatWasWritten) {
  ASSERT_GE(golden_packs().size(), 5u);
  for (const auto& [path, built] : golden_packs()) {
    const auto loaded = driver::load_pack(built.bytes);
    ASSERT_TRUE(loaded.has_value()) << path << ": " << loaded.error().message();
    EXPECT_FALSE(loaded->recompiled);
    const ir::Module& before = *built.analysis.module;
    const ir::Module& after = *loaded->analysis->module;
    EXPECT_EQ(write_module(after), write_module(before)) << path;
    ASSERT_EQ(after.rules.size(), before.rules.size());
    for (size_t i = 0; i < after.rules.size(); i++) {
      if (after.rules[i].condition.valid()) {
        EXPECT_EQ(print(after, after.rules[i].condition), print(before, before.rules[i].condition)) << path;
      }
    }
  }
}

TEST(Pack, EveryInstructionSurvives) {
  for (uint64_t seed = 0; seed < 300; seed++) {
    const auto module = differential::generate_module(seed);
    const std::string bytes = write_module(*module);
    const auto read = read_module(bytes, {}, Limits{}.memory_bytes);
    ASSERT_TRUE(read.has_value()) << seed << ": " << read.error().message();
    EXPECT_EQ(write_module(**read), bytes) << seed;
  }
}

TEST(Pack, TheSameSourcesGiveTheSameBytes) {
  for (const auto& [path, built] : golden_packs()) {
    const auto contents = read(*open(built.bytes));
    driver::PackSources sources;
    for (const SourceText& source : contents->sources) {
      if (source.imported.empty()) {
        sources.files.push_back({source.path, source.text});
      }
    }
    driver::AnalyzeOptions options;
    options.read_pack = [&](const std::string& wanted) -> Result<std::vector<driver::SourceFile>> {
      std::vector<driver::SourceFile> files;
      for (const SourceText& source : contents->sources) {
        if (source.imported == wanted) {
          files.push_back({source.path, source.text});
        }
      }
      return files;
    };
    options.read_schema = [&](const std::string& wanted) -> std::optional<std::string> {
      for (const SourceText& schema : contents->schemas) {
        if (schema.path == wanted) {
          return schema.text;
        }
      }
      return std::nullopt;
    };
    EXPECT_EQ(driver::build_pack(std::move(sources), options).bytes, built.bytes) << path;
  }
}

TEST(Pack, EveryTruncationIsRefused) {
  const std::string& bytes = tour().bytes;
  for (size_t length = 0; length < bytes.size(); length += 1 + length / 64) {
    EXPECT_NE(refusal_of(std::string_view(bytes).substr(0, length)), "") << length;
  }
  EXPECT_EQ(refusal_of(bytes + "x"), "malformed");
  EXPECT_EQ(refusal_of(""), "not-a-pack");
  EXPECT_EQ(refusal_of(bytes.substr(0, bytes.size() - 1)), "truncated");
}

TEST(Pack, EveryAlterationIsRefused) {
  const Key key = Key::generate();
  driver::LoadOptions options;
  options.trust.keys = {public_half(key, "release")};
  std::string bytes = signed_by(tour().bytes, {key});
  ASSERT_EQ(refusal_of(bytes, options), "");
  for (size_t i = 0; i < bytes.size(); i += 1 + bytes.size() / 3000) {
    bytes[i] = static_cast<char>(bytes[i] ^ 0x20);
    EXPECT_NE(refusal_of(bytes, options), "") << i;
    bytes[i] = static_cast<char>(bytes[i] ^ 0x20);
  }
  bytes[bytes.size() / 2] ^= 1;
  EXPECT_EQ(refusal_of(bytes), "altered");
}

TEST(Pack, OnlyTrustedKeysCount) {
  const Key one = Key::generate();
  const Key two = Key::generate();
  const Key stranger = Key::generate();
  const std::string& bytes = tour().bytes;
  driver::LoadOptions options;
  options.trust.keys = {public_half(one, "one"), public_half(two, "two")};
  EXPECT_EQ(refusal_of(bytes, options), "unsigned");
  EXPECT_EQ(refusal_of(signed_by(bytes, {stranger}), options), "unsigned");
  EXPECT_EQ(refusal_of(signed_by(bytes, {stranger, two}), options), "");
  options.trust.required = 2;
  EXPECT_EQ(refusal_of(signed_by(bytes, {two, two}), options), "unsigned");
  const auto loaded = driver::load_pack(signed_by(bytes, {two, one}), options);
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->signed_by, (std::vector<std::string>{"one", "two"}));
}

TEST(Pack, ASignatureBelongsToOnePack) {
  const Key key = Key::generate();
  const std::string& bytes = tour().bytes;
  const std::string other = golden_packs().front().second.bytes;
  ASSERT_NE(other, bytes);
  const auto opened = open(other);
  driver::LoadOptions options;
  options.trust.keys = {public_half(key, "release")};
  EXPECT_EQ(refusal_of(with_signatures(other, *opened, {key.sign(*open(bytes))}), options), "unsigned");
}

TEST(Pack, KeysThatAreNoneAreRefused) {
  EXPECT_TRUE(Key::private_from_pem("not a key").has_error());
  EXPECT_TRUE(Key::public_from_pem("", "empty").has_error());
  const Key key = Key::generate();
  EXPECT_TRUE(Key::public_from_pem(key.private_pem(), "private").has_error());
  EXPECT_EQ(Key::private_from_pem(key.private_pem())->id(), key.id());
  EXPECT_EQ(public_half(key, "p").id(), key.id());
}

TEST(Pack, LargerThanTheLimitIsRefused) {
  const std::string& bytes = tour().bytes;
  driver::LoadOptions options;
  options.limits.file_bytes = bytes.size() - 1;
  EXPECT_EQ(refusal_of(bytes, options), "too-large");
  options = {};
  options.limits.memory_bytes = 1000;
  EXPECT_EQ(refusal_of(bytes, options), "malformed");
  options = {};
  const auto opened = open(bytes);
  const Signature signature = Key::generate().sign(*opened);
  EXPECT_EQ(refusal_of(with_signatures(bytes, *opened, std::vector<Signature>(17, signature)), options),
            "too-large");
}

TEST(Pack, SequenceFollowsTheVersion) {
  EXPECT_LT(sequence_of("1.9.9"), sequence_of("1.10.0"));
  EXPECT_LT(sequence_of("1.10.0"), sequence_of("2.0.0"));
  EXPECT_EQ(sequence_of("1.4"), sequence_of("1.4.0"));
  EXPECT_EQ(sequence_of("1.4.0-rc.1"), sequence_of("1.4.0"));
  EXPECT_EQ(sequence_of(""), 0u);
  EXPECT_EQ(sequence_of("0.0.99999999999999999999999"), (uint64_t{1} << 20) - 1);
}

/// A pack of another version: the same but for the fingerprint of its notation.
std::string of_another_format(const std::string& bytes) {
  std::string out = bytes;
  const size_t at = out.find(ir_format());
  out.replace(at, ir_format().size(), std::string(ir_format().size(), 'f'));
  return out;
}

TEST(Pack, RulesOfAnotherVersionAreCompiledAgain) {
  for (const auto& [path, built] : golden_packs()) {
    const auto loaded = driver::load_pack(of_another_format(built.bytes));
    ASSERT_TRUE(loaded.has_value()) << path << ": " << loaded.error().message();
    EXPECT_TRUE(loaded->recompiled);
    EXPECT_EQ(write_module(*loaded->analysis->module), write_module(*built.analysis.module)) << path;
  }
}

/// A pack whose manifest is honest about parts that lie.
std::string forged(const ir::Module& module, const std::vector<SourceText>& sources) {
  BuildInput input;
  input.module = &module;
  input.sources = sources;
  return build(input);
}

TEST(Pack, PositionsOutsideTheSourcesAreRefused) {
  EXPECT_EQ(refusal_of(forged(*tour().analysis.module, {{"tour.cata", "short", ""}})), "malformed");
}

TEST(Pack, PatternsThatAreNoneAreRefused) {
  auto loaded = driver::load_pack(tour().bytes);
  ir::Module& module = *loaded->analysis->module;
  const std::vector<SourceText> sources = read(*open(tour().bytes))->sources;
  module.regexes.emplace_back("(");
  EXPECT_EQ(refusal_of(forged(module, sources)), "hostile-code");
  module.regexes.back() = std::string(5000, 'a');
  EXPECT_EQ(refusal_of(forged(module, sources)), "hostile-code");
  module.regexes.pop_back();
  EXPECT_EQ(refusal_of(forged(module, sources)), "");
  module.redactions.push_back({"broken", "[", ir::RedactionCheck::None});
  EXPECT_EQ(refusal_of(forged(module, sources)), "hostile-code");
}

const std::pair<std::string, driver::PackBuild>& routed() {
  for (const auto& each : golden_packs()) {
    if (each.first.ends_with("check/routes.cata")) {
      return each;
    }
  }
  throw std::runtime_error("no golden with routes");
}

TEST(Pack, RoutesThatNobodyCouldWriteAreRefused) {
  using Change = void (*)(ir::Route&);
  static constexpr std::pair<const char*, Change> kChanges[] = {
      {"a preference for nobody", [](ir::Route& r) { r.prefers[0].target = 99; }},
      {"a condition that is none", [](ir::Route& r) { r.prefers[0].condition = ir::ExprId(1'000'000u); }},
      {"calls of no target", [](ir::Route& r) { r.calls = ir::TargetId(1'000'000u); }},
      {"a heavy server", [](ir::Route& r) { r.targets[0].weight = UINT32_MAX; }},
      {"one server twice", [](ir::Route& r) { r.targets[1] = r.targets[0]; }},
      {"no weight at all",
       [](ir::Route& r) {
         for (abi::RouteTarget& target : r.targets) {
           target.weight = 0;
         }
       }},
      {"many servers", [](ir::Route& r) { r.targets.resize(1000, {"x", 1}); }},
      {"a long timeout", [](ir::Route& r) { r.timeout_ms = UINT32_MAX; }},
      {"many retries", [](ir::Route& r) { r.retry->attempts = 1'000'000; }},
      {"retries for nothing", [](ir::Route& r) { r.retry->on = 0; }},
      {"retries for unknown causes", [](ir::Route& r) { r.retry->on = 0xff; }},
      {"a backoff that ends before it begins", [](ir::Route& r) { r.retry->backoff_min_ms = 999'999; }},
      {"a breaker that never opens", [](ir::Route& r) { r.breaker->failures = 0; }},
      {"an endless hedge", [](ir::Route& r) { r.hedge_after_ms = 0; }},
      {"a hash of nothing", [](ir::Route& r) { r.balance = abi::Balance::Hash; }},
      {"a cache without an end", [](ir::Route& r) { r.cache->ttl_ms = UINT32_MAX; }},
      {"a cache without arguments", [](ir::Route& r) { std::erase(r.key, ir::ExprId()); }},
      {"a cache without the caller", [](ir::Route& r) { r.key = {ir::ExprId()}; }},
      {"a key without a cache", [](ir::Route& r) { r.cache.reset(); }},
      {"a shadow of everything and more", [](ir::Route& r) { r.shadow->share_ppm = 1'000'001; }},
      {"a shadow of nobody", [](ir::Route& r) { r.shadow->server.clear(); }},
      {"no room for locals", [](ir::Route& r) { r.local_count = 1'000'000; }},
  };
  const std::string& bytes = routed().second.bytes;
  const std::vector<SourceText> sources = read(*open(bytes))->sources;
  for (const auto& [what, change] : kChanges) {
    auto loaded = driver::load_pack(bytes);
    ir::Module& module = *loaded->analysis->module;
    EXPECT_EQ(refusal_of(forged(module, sources)), "") << what;
    change(module.routes[0]);
    EXPECT_EQ(refusal_of(forged(module, sources)), "hostile-code") << what;
  }
}

}  // namespace
}  // namespace catalyst::pack
