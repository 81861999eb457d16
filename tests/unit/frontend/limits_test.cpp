#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "compiler/ast/print.h"
#include "compiler/frontend/format.h"
#include "compiler/frontend/parse.h"

// A megabyte of anything ends in reasonable time, on a bounded stack, with a diagnostic where something is
// wrong.

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
// Quadratic behaviour shows long before this.
constexpr auto kPatience = std::chrono::seconds(10);

void expect_end(const std::string& text, std::string_view what) {
  const auto begin = std::chrono::steady_clock::now();
  const Parsed parsed(text);
  for (const diagnostics::Diagnostic& each : parsed.sink.all()) {
    EXPECT_FALSE(render(parsed.sources, each, diagnostics::Color::Always).empty());
    EXPECT_FALSE(to_json(parsed.sources, each).empty());
  }
  EXPECT_LE(parsed.sink.all().size(), 200u);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kPatience) << what;
}

TEST(Limits, TenThousandRulesParse) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) {
    text += "rule r" + std::to_string(i) + "\n  on call s" + std::to_string(i % 50) +
            ".*\n  when call.args.n > 30\n  deny \"no\"\n";
  }
  const auto begin = std::chrono::steady_clock::now();
  const Parsed parsed(text);
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  RecordProperty("milliseconds", static_cast<int>(ms.count()));
  EXPECT_EQ(parsed.sink.error_count(), 0u);
  EXPECT_EQ(parsed.tree.declarations.size(), 10'000u);
}

TEST(Limits, AnythingRepeatedEnds) {
  for (const char* piece : {"(",
                            ")",
                            "[",
                            "]",
                            "{",
                            "}",
                            "\"",
                            "\"{",
                            "a",
                            "a ",
                            "not ",
                            "-",
                            "- ",
                            "if ",
                            "any x in ",
                            "a.",
                            "a.b ",
                            "a or ",
                            "a == ",
                            "rule ",
                            "rule\n",
                            "rule a\n",
                            "/*",
                            "/**/",
                            "//\n",
                            "///\n",
                            "1",
                            "1 ",
                            "1.",
                            "'",
                            "\\",
                            "\x80",
                            "\xFF\n",
                            "\n",
                            "\r\n",
                            "\t",
                            " ",
                            "list<",
                            "a?.",
                            "a ?? ",
                            "a, ",
                            "*",
                            "on call *.",
                            "\xC3\xA9",
                            "{{",
                            "\x01",
                            "}\nrule",
                            "a as ",
                            "x = y\n",
                            "fact x = [",
                            "a b\n",
                            "0_",
                            "\nfact a = (",
                            "\nfact a = \"{",
                            "enum E { a }\n",
                            "test \"\" { then ",
                            "if a then b else ",
                            "route r for call a.b ",
                            "prefer a when if b then c else ",
                            "to a, "}) {
    for (const char* head :
         {"", "fact x = ", "fact x = \"", "rule a on call ", "list l: ", "route r for call a.b "}) {
      expect_end(head + repeat(piece, kMebibyte / 32), std::string(head) + piece);
    }
  }
}

TEST(Limits, AMebibyteEnds) {
  for (const char* piece :
       {"a ", "\\", "'", "///\n", "rule a\n", "(", "a or ", "fact a = x\n", "fact a = \"{x}\"\n", "a b\n"}) {
    expect_end(repeat(piece, kMebibyte), piece);
  }
  for (const char* piece : {"if rule then ", "if a.rule then ", "if otherwise then ", "not prefer "}) {
    expect_end("fact x = " + repeat(piece, kMebibyte), piece);
    expect_end("route r for call a.b prefer c when " + repeat(piece, kMebibyte), piece);
  }
}

TEST(Limits, DepthIsCountedHoweverItArises) {
  const std::string deep[] = {
      std::string(300, '(') + "a" + std::string(300, ')'),
      repeat("not ", 4 * 300) + "a",
      std::string(300, '-') + "a",
      "a" + repeat(".b", 2 * 300),
      "a" + repeat(" or a", 5 * 300),
      "a" + repeat(" + a", 4 * 300),
      "a" + repeat("()", 2 * 300),
      "a" + repeat(" as int", 7 * 300),
      repeat("if a then b else ", 17 * 300) + "c",
      repeat("if rule then b else ", 20 * 300) + "c",
      repeat("if a.otherwise then b else ", 27 * 300) + "c",
      repeat("any x in a satisfies ", 21 * 300) + "c",
      repeat("\"{", 2 * 300) + "a" + repeat("}\"", 2 * 300),
      repeat("a or b and (", 12 * 150) + "c" + std::string(150, ')'),
  };
  for (const std::string& expression : deep) {
    const Parsed parsed("fact x = " + expression + "\nfact y = 1\n");
    EXPECT_EQ(parsed.count(Kind::NestingTooDeep), 1u) << expression.substr(0, 40);
    EXPECT_EQ(parsed.sink.error_count(), 1u) << expression.substr(0, 40);
    EXPECT_EQ(parsed.tree.declarations.back()->kind, ast::DeclKind::Fact);
  }
  const Parsed types("list l: " + repeat("list<", 5 * 300) + "int" + std::string(300, '>') + " = []\n");
  EXPECT_EQ(types.count(Kind::NestingTooDeep), 1u);
}

TEST(Limits, WhatIsJustWithinThemWorks) {
  const std::string expressions[] = {
      std::string(250, '[') + "a" + std::string(250, ']'),
      repeat("not ", 4 * 250) + "a",
      "a" + repeat(".b", 2 * 250),
      "a" + repeat(" or a", 5 * 250),
      repeat("if a then b else ", 17 * 250) + "c",
      repeat("\"{", 2 * 120) + "a" + repeat("}\"", 2 * 120),
  };
  for (const std::string& expression : expressions) {
    const Parsed parsed("fact x = " + expression + "\n");
    ASSERT_EQ(parsed.sink.error_count(), 0u)
        << render(parsed.sources, parsed.sink.all()[0], diagnostics::Color::Never);
    const Parsed again(format(parsed.sources, parsed.tree));
    EXPECT_EQ(ast::print(again.tree), ast::print(parsed.tree));
  }
}

TEST(Limits, WidthIsNotDepth) {
  std::string list = "fact x = [";
  for (int i = 0; i < 2'000; ++i) {
    list += "(if a then b else c), not not d, ";
  }
  EXPECT_EQ(Parsed(list + "]\n").sink.error_count(), 0u);
}

TEST(Limits, LongListsAreRefusedByTheirOwnLimit) {
  EXPECT_EQ(Parsed("fact x = [" + repeat("1,", 600'000) + "]").count(Kind::TooManyTokens), 1u);
  EXPECT_EQ(Parsed(repeat("\n", kMebibyte + 1)).count(Kind::SourceTooLarge), 1u);
}

TEST(Encoding, ByteOrderMarkAndCarriageReturnsAreTolerated) {
  const Parsed parsed(
      "\xEF\xBB\xBF/// Doc.\r\nfact a = \"x\"\r\nrule r\r\n  on call db.*\r\n  deny \"y\"\r\n");
  EXPECT_EQ(parsed.sink.error_count(), 0u);
  EXPECT_EQ(ast::print(parsed.tree),
            "doc \"Doc.\"\nfact a = \"x\"\nrule r\n  on call \"db\".\"*\"\n  deny \"y\"\n");
  EXPECT_EQ(format(parsed.sources, parsed.tree),
            "/// Doc.\nfact a = \"x\"\n\nrule r\n  on call db.*\n  deny \"y\"\n");
}

TEST(Encoding, WhatIsNotUtf8IsReportedOnce) {
  for (const char* bad : {"\x80", "\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\xFF"}) {
    const Parsed parsed("fact a = \"" + std::string(bad) + "\" // " + bad + "\n");
    EXPECT_EQ(parsed.count(Kind::InvalidUtf8), 1u);
    EXPECT_EQ(parsed.sink.error_count(), 1u);
  }
  EXPECT_EQ(Parsed(std::string("fact a = \"\0\"\n", 13)).count(Kind::InvalidUtf8), 1u);
}

}  // namespace
}  // namespace catalyst::frontend
