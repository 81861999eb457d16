// Any text through parser, checker, verifier: ends in diagnostics or in a module that verifies, never in a
// crash.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "compiler/driver/analyze.h"
#include "compiler/ir/verify.h"
#include "runtime/base/check.h"

namespace {

/// Every schema path of a fuzzed pack reads this, so that targets and arguments are typed.
constexpr const char* kSchema = R"({"tools":[
  {"name":"drop_table","inputSchema":{"type":"object","required":["env"],"properties":{
    "env":{"enum":["dev","prod"]},"table":{"type":"string"},"rows":{"type":"integer"},"price":{"type":"number"},
    "labels":{"type":"array","items":{"type":"string"}},"target":{"type":"object","properties":{"ns":{"type":"string"}}}}}},
  {"name":"read","inputSchema":{"type":"object","properties":{"env":{"type":"string"}}}}]})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  catalyst::driver::AnalyzeOptions options;
  options.read_schema = [](const std::string&) { return std::optional<std::string>(kSchema); };
  const catalyst::driver::Analysis analysis = catalyst::driver::analyze(
      {{"fuzz.cata", std::string(reinterpret_cast<const char*>(data), size)}}, options);
  if (analysis.module != nullptr) {
    CHECK(catalyst::ir::verify(*analysis.module).empty(), "a checked pack verifies");
  } else {
    CHECK(analysis.diagnostics.has_errors(), "a refused pack says why");
  }
  return 0;
}
