#include "compiler/pack/module_codec.h"

#include <openssl/evp.h>

#include "compiler/ir/verify.h"
#include "compiler/pack/describe.h"
#include "compiler/pack/refusal.h"
#include "runtime/base/check.h"
#include "runtime/base/hex.h"
#include "runtime/value/builtin.h"
#include "runtime/value/regex_set.h"

namespace catalyst::pack {
namespace {

/// Of the meaning of instructions, which no table tells: counts up when one of them changes.
constexpr std::string_view kMeaning = "1";

std::string describe_format() {
  Describer describer;
  describer.text(kMeaning);
  describer.put(ir::Module());
#define OP(name, text_, arity) describer.text(text_);
#include "compiler/ir/op.def"
#undef OP
#define INPUT_ROOT(name, text_, trusted) describer.text(text_);
#include "runtime/abi/input_root.def"
#undef INPUT_ROOT
  for (const abi::HookInfo& hook : abi::kHooks) {
    describer.text(hook.name);
  }
  for (const value::BuiltinInfo& builtin : value::builtins()) {
    describer.text(builtin.name);
    describer.text(builtin.signature);
  }
  return describer.out();
}

/// Positions are shown to people with the text around them: they must lie within it.
bool places_are_good(const ir::Module& module, const std::vector<SourceText>& sources) {
  const auto good = [&](const source::Span& span) {
    return !span.valid() || (span.file.index < sources.size() && span.begin <= span.end &&
                             span.end <= sources[span.file.index].text.size());
  };
  bool all = true;
  for (const source::Span& span : module.expr_spans) {
    all = all && good(span);
  }
  for (const ir::Rule& rule : module.rules) {
    all = all && good(rule.span);
    for (const ir::Effect& effect : rule.effects) {
      all = all && good(effect.span);
    }
  }
  for (const ir::Window& window : module.windows) {
    all = all && good(window.span);
  }
  for (const ir::Property& property : module.properties) {
    all = all && good(property.span);
  }
  for (const ir::Decision& decision : module.decisions) {
    all = all && good(decision.span);
    for (const ir::Decision::Row& row : decision.rows) {
      all = all && good(row.span);
    }
  }
  for (const ir::Route& route : module.routes) {
    all = all && good(route.span);
    for (const ir::RoutePrefer& prefer : route.prefers) {
      all = all && good(prefer.span);
    }
  }
  for (const ir::Test& test : module.tests) {
    all = all && good(test.span);
    for (const ir::TestExpectation& expectation : test.expectations) {
      all = all && good(expectation.span);
    }
  }
  return all;
}

std::string pattern_problem(const ir::Module& module) {
  value::RegexAdmission admission;
  for (const std::string& pattern : module.regexes) {
    if (std::string problem = admission.problem(pattern); !problem.empty()) {
      return problem;
    }
  }
  for (const ir::Redaction& redaction : module.redactions) {
    if (std::string problem = admission.problem(redaction.pattern); !problem.empty()) {
      return problem;
    }
  }
  return {};
}

}  // namespace

const std::string& ir_format() {
  static const std::string kFormat = hex(sha256(describe_format())).substr(0, 16);
  return kFormat;
}

std::string write_module(const ir::Module& module) {
  Writer writer;
  writer(module);
  return writer.take();
}

std::string write_tests(const ir::Module& module) {
  Writer writer;
  writer(module.tests);
  return writer.take();
}

Result<std::shared_ptr<ir::Module>> read_module(std::string_view bytes,
                                                const std::vector<SourceText>& sources, size_t memory_bytes) {
  auto module = std::make_shared<ir::Module>();
  Reader reader(bytes, memory_bytes);
  reader(*module);
  if (!reader.ok() || !reader.at_end()) {
    return refuse(Refusal::Malformed,
                  reader.ok() ? "rules: something stands behind them" : "rules: " + reader.problem());
  }
  if (!places_are_good(*module, sources)) {
    return refuse(Refusal::Malformed, "rules: a position outside the sources");
  }
  if (const std::string problem = pattern_problem(*module); !problem.empty()) {
    return refuse(Refusal::HostileCode, "a regular expression: " + problem);
  }
  if (const std::vector<std::string> problems = ir::verify(*module); !problems.empty()) {
    return refuse(Refusal::HostileCode, problems.front());
  }
  return module;
}

std::string write_texts(const std::vector<SourceText>& texts) {
  Writer writer;
  writer(texts);
  return writer.take();
}

Result<std::vector<SourceText>> read_texts(std::string_view bytes, size_t memory_bytes) {
  std::vector<SourceText> texts;
  Reader reader(bytes, memory_bytes);
  reader(texts);
  if (!reader.ok() || !reader.at_end()) {
    return refuse(Refusal::Malformed,
                  reader.ok() ? "sources: something stands behind them" : "sources: " + reader.problem());
  }
  return texts;
}

Digest sha256(std::string_view bytes) {
  Digest out{};
  unsigned length = 0;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), out.data(), &length, EVP_sha256(), nullptr) == 1 &&
            length == out.size(),
        "SHA-256 is part of every OpenSSL");
  return out;
}

std::string hex(const Digest& digest) {
  std::string out;
  append_hex(out, digest);
  return out;
}

}  // namespace catalyst::pack
