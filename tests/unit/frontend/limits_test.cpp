#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "compiler/ast/print.h"
#include "compiler/frontend/format.h"
#include "compiler/frontend/parse.h"

// A megabyte of anything ends in reasonable time, on a bounded stack, with a diagnostic where something is wrong.

namespace catalyst::frontend {
namespace {

using diagnostics::Kind;

struct Parsed {
  explicit Parsed(std::string text, const ParseLimits& limits = {})
      : file(sources.add("limits.cata", std::move(text))), tree(parse(sources, file, sink, limits)) {}
  [[nodiscard]] size_t count(Kind kind) const {
    size_t n = 0;
    for (const diagnostics::Diagnostic& each : sink.all()) {
      n += each.kind == kind ? 1 : 0;
    }
    return n;
  }
  source::SourceMap sources;
  source::FileId file;
  diagnostics::Sink sink;
  ast::Ast tree;
};

std::string repeat(std::string_view text, size_t bytes) {
  std::string out;
  while (out.size() + text.size() <= bytes) {
    out += text;
  }
  return out;
}

constexpr size_t kMebibyte = 1u << 20;

TEST(Limits, TenThousandRulesParse) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) {
    text += "rule r" + std::to_string(i) + "\n  on call s" + std::to_string(i % 50) +
            ".*\n  when call.args.n > 30\n  deny \"no\"\n";
  }
  const auto begin = std::chrono::steady_clock::now();
  const Parsed parsed(text);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  RecordProperty("milliseconds", static_cast<int>(ms.count()));
  EXPECT_EQ(parsed.sink.error_count(), 0u);
  EXPECT_EQ(parsed.tree.declarations.size(), 10'000u);
}

TEST(Limits, AnyMebibyteEnds) {
  for (const char* piece :
       {"(", ")", "[", "]", "{", "}", "\"", "\"{", "a", "a ", "not ", "-", "- ", "if ", "any x in ", "a.", "a.b ", "a or ", "a == ",
        "rule ", "rule\n", "rule a\n", "\nfact a = (", "\nfact a = \"{", "/*", "/**/", "//\n", "///\n", "1", "1 ", "1.", "'", "\\", "\x80",
        "\xFF\n", "\n", "\r\n", "\t", " ", "fact x = [", "list<", "a?.", "a ?? ", "enum E { a }\n", "a, ", "*", "on call *.", "é", "{{", "\0x",
        "test \"\" { then ", "}\nrule", "if a then b else ", "a as ", "x = y\n"}) {
    for (const char* head : {"", "fact x = ", "fact x = \"", "rule a on call ", "list l: "}) {
      const std::string text = head + repeat(piece, kMebibyte - 100);
      const auto begin = std::chrono::steady_clock::now();
      const Parsed parsed(text);
      const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
      EXPECT_LT(ms.count(), 5'000) << head << piece;
      if (std::getenv("SHOW")) printf("%5ld ms %s%s %zu\n", (long)ms.count(), head, piece, parsed.sink.error_count());
      for (const diagnostics::Diagnostic& each : parsed.sink.all()) {
        render(parsed.sources, each, diagnostics::Color::Always);
      }
    }
  }
}

}  // namespace
}  // namespace catalyst::frontend
