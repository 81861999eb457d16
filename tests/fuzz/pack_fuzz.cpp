// Three ways at packs: any bytes as a pack, any bytes as the rules of one, and the rules of a policy that
// compiles with a few bytes changed. Refused, or decided without harm; what is not changed reads as it was
// written.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>

#include "compiler/driver/packs.h"
#include "compiler/ir/unit_builder.h"
#include "compiler/pack/module_codec.h"
#include "runtime/base/check.h"
#include "runtime/decision/engine.h"

namespace {

using namespace catalyst;

constexpr size_t kMemory = size_t{64} * 1024 * 1024;

constexpr const char* kSchema = R"({"tools":[
  {"name":"drop_table","inputSchema":{"type":"object","required":["env"],"properties":{
    "env":{"enum":["dev","prod"]},"table":{"type":"string"},"rows":{"type":"integer"},"price":{"type":"number"},
    "labels":{"type":"array","items":{"type":"string"}},"target":{"type":"object","properties":{"ns":{"type":"string"}}}}}},
  {"name":"read","inputSchema":{"type":"object","properties":{"env":{"type":"string"}}}}]})";

void decide(const std::shared_ptr<ir::Module>& module, const std::vector<pack::SourceText>& sources) {
  source::SourceMap map;
  for (const pack::SourceText& source : sources) {
    map.add(source.path, source.text);
  }
  const decision::Pack pack(ir::build_unit(module, map));
  decision::Evaluator evaluator;
  decision::Principal principal;
  decision::Request request;
  request.principal = &principal;
  request.server = "db";
  request.tool = "drop_table";
  request.args = R"({"env":"prod","table":"users","rows":3,"labels":["a"]})";
  request.result = R"({"content":[{"type":"text","text":"ana@acme.example"}]})";
  request.definition = R"({"name":"drop_table"})";
  for (size_t hook = 0; hook < abi::kHookCount; hook++) {
    request.hook = static_cast<abi::Hook>(hook);
    evaluator.evaluate(pack, request);
    evaluator.route(pack, request);
  }
}

void change_rules(const std::string& rules, const std::vector<pack::SourceText>& sources, uint32_t seed) {
  std::minstd_rand random(seed);
  for (int round = 0; round < 16; round++) {
    std::string changed = rules;
    for (uint32_t n = 1 + random() % 4; n > 0; n--) {
      changed[random() % changed.size()] =
          random() % 2 == 0 ? static_cast<char>(random()) : changed[random() % changed.size()];
    }
    if (const auto module = pack::read_module(changed, sources, kMemory); module.has_value()) {
      decide(*module, sources);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  [[maybe_unused]] const auto as_pack = driver::load_pack(bytes);
  if (const auto module = pack::read_module(bytes, {{"fuzz.cata", ""}}, kMemory); module.has_value()) {
    decide(*module, {{"fuzz.cata", ""}});
  }
  driver::AnalyzeOptions options;
  options.read_schema = [](const std::string&) { return std::optional<std::string>(kSchema); };
  driver::PackSources sources;
  sources.files = {{"fuzz.cata", bytes}};
  const driver::PackBuild built = driver::build_pack(std::move(sources), options);
  if (built.analysis.module == nullptr) {
    return 0;
  }
  const std::string rules = pack::write_module(*built.analysis.module);
  const auto loaded = driver::load_pack(built.bytes);
  CHECK(loaded.has_value(), "what is built is loaded");
  CHECK(pack::write_module(*loaded->analysis->module) == rules, "what is read is what was written");
  change_rules(rules, {{"fuzz.cata", bytes}}, static_cast<uint32_t>(std::hash<std::string>{}(bytes)));
  return 0;
}
