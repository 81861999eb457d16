// Rules written by someone who means harm: what is let through is decided without harm, whatever it answers.
// CATALYST_HOSTILE_PACKS (default 20000) chooses how many.

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "compiler/ir/unit_builder.h"
#include "compiler/pack/module_codec.h"
#include "compiler/pack/wire.h"
#include "runtime/decision/engine.h"
#include "tests/unit/differential/generator.h"
#include "tests/unit/pack/goldens.h"

namespace catalyst::pack {
namespace {

using Random = std::minstd_rand;

/// Changes a few bytes, mostly to what may stand there.
std::string damaged(std::string bytes, Random& random) {
  for (uint32_t n = 1 + random() % 4; n > 0; n--) {
    const size_t at = random() % bytes.size();
    switch (random() % 4) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] + (random() % 2 == 0 ? 1 : -1));
        break;
      case 2:
        bytes[at] = bytes[random() % bytes.size()];
        break;
      default:
        bytes.erase(at, 1);
        break;
    }
  }
  return bytes;
}

void decide_everything(const std::shared_ptr<ir::Module>& module, const std::vector<SourceText>& sources) {
  source::SourceMap map;
  for (const SourceText& source : sources) {
    map.add(source.path, source.text);
  }
  const decision::Pack pack(ir::build_unit(module, map));
  decision::Evaluator evaluator;
  decision::Principal principal;
  principal.id = "eve";
  decision::Request request;
  request.principal = &principal;
  request.server = "db";
  request.tool = "query";
  request.client_ip = "10.0.0.1";
  request.args = R"({"sql": "select 1", "env": "prod", "rows": 12, "ids": [1, 2, 3], "path": "a/b"})";
  request.result =
      R"({"content": [{"type": "text", "text": "ana@acme.example"}], "structuredContent": {"a": 1}})";
  request.definition = R"({"name": "query", "description": "reads"})";
  for (size_t hook = 0; hook < abi::kHookCount; hook++) {
    request.hook = static_cast<abi::Hook>(hook);
    evaluator.evaluate(pack, request);
    evaluator.evaluate_reference(pack, request);
    evaluator.route(pack, request);
    evaluator.route_reference(pack, request);
  }
}

TEST(HostilePack, WhatIsLetThroughIsDecidedWithoutHarm) {
  const char* wanted = std::getenv("CATALYST_HOSTILE_PACKS");
  const uint64_t packs = wanted == nullptr ? 20'000 : std::strtoull(wanted, nullptr, 10);
  std::vector<std::pair<std::string, std::vector<SourceText>>> seeds;
  for (const auto& [path, built] : testing::golden_packs()) {
    seeds.emplace_back(write_module(*built.analysis.module), read(*open(built.bytes))->sources);
  }
  for (uint64_t seed = 0; seed < 30; seed++) {
    seeds.emplace_back(write_module(*differential::generate_module(seed)), std::vector<SourceText>());
  }
  uint64_t accepted = 0;
  for (uint32_t seed = 1; seed <= packs; seed++) {
    Random random(seed);
    const auto& [bytes, sources] = seeds[seed % seeds.size()];
    const auto module = read_module(damaged(bytes, random), sources, size_t{64} * 1024 * 1024);
    if (module.has_value()) {
      accepted++;
      decide_everything(*module, sources);
    }
  }
  EXPECT_GT(accepted, packs / 100);
  EXPECT_LT(accepted, packs);
}

/// A short text that claims to be long.
TEST(HostilePack, NoListIsLongerThanItsBytes) {
  for (const uint64_t claimed : {uint64_t{1000}, uint64_t{1} << 32, uint64_t{1} << 62, UINT64_MAX}) {
    Writer writer;
    writer.number(claimed);
    writer.text("x");
    EXPECT_TRUE(read_texts(writer.take(), SIZE_MAX).has_error()) << claimed;
  }
}

TEST(HostilePack, MemoryIsBoundedBeforeItIsTaken) {
  Writer writer;
  writer.number(100'000);
  const std::string bytes = writer.take() + std::string(300'000, '\0');
  EXPECT_TRUE(read_texts(bytes, size_t{1} << 20).has_error());
  EXPECT_TRUE(read_texts(bytes, size_t{1} << 30).has_value());
}

TEST(HostilePack, NumbersHaveOneForm) {
  for (const std::string bytes :
       {std::string("\x80\x00", 2), std::string("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
        std::string("\x80\x80"), std::string()}) {
    Reader reader(bytes, 1000);
    reader.number(UINT64_MAX);
    EXPECT_FALSE(reader.ok());
  }
  Writer writer;
  writer.number(UINT64_MAX);
  const std::string largest = writer.take();
  Reader reader(largest, 1000);
  EXPECT_EQ(reader.number(UINT64_MAX), UINT64_MAX);
  EXPECT_TRUE(reader.ok() && reader.at_end());
}

}  // namespace
}  // namespace catalyst::pack
