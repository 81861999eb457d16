#include <gtest/gtest.h>

#include "compiler/diagnostics/diagnostic.h"

namespace catalyst::diagnostics {
namespace {

struct Shown {
  explicit Shown(std::string text) : file(sources.add("a.cata", std::move(text))) {}
  Diagnostic& report(uint32_t begin, uint32_t end) {
    return sink.report(Kind::UnexpectedToken, {file, begin, end}, {"`x`", "`y`"});
  }
  std::string text() const { return render(sources, sink.all().at(0), Color::Never); }
  source::SourceMap sources;
  source::FileId file;
  Sink sink;
};

constexpr const char* kHead = "error[E0101]: expected `x`, found `y`\n";
constexpr const char* kTail = "  = `catalyst explain E0101` says more\n";

TEST(Render, MarksTheSpan) {
  Shown shown("fact a = 1\nfact b = 2\n");
  shown.report(16, 17);
  EXPECT_EQ(shown.text(), std::string(kHead) + " --> a.cata:2:6\n  |\n2 | fact b = 2\n  |      ^\n" + kTail);
}

TEST(Render, CountsTabsWideCharactersAndEscapesAsTheyAreDrawn) {
  Shown shown("\t\"日本\x1b[31m\xff\" y\n");
  shown.report(16, 17);
  const std::string text = shown.text();
  EXPECT_EQ(text.find('\x1b'), std::string::npos) << "a source must not steer the terminal";
  EXPECT_NE(text.find("1 |     \"日本<1B>[31m<FF>\" y\n  |                        ^\n"), std::string::npos)
      << text;
}

TEST(Render, PointsBehindTheLineAndIntoEmptyFiles) {
  Shown shown("a");
  shown.report(1, 1);
  EXPECT_NE(shown.text().find("1 | a\n  |  ^\n"), std::string::npos) << shown.text();
  Shown empty("");
  empty.report(0, 0);
  EXPECT_NE(empty.text().find("1 |\n  | ^\n"), std::string::npos) << empty.text();
}

TEST(Render, CutsLongLinesAroundThePlace) {
  Shown shown(std::string(5'000, 'a') + "!" + std::string(5'000, 'b'));
  shown.report(5'000, 5'001);
  const std::string text = shown.text();
  EXPECT_LT(text.size(), 600u);
  EXPECT_NE(text.find("a!b"), std::string::npos);
}

TEST(Render, ShowsNotesWithTheirSnippetsAndFixes) {
  Shown shown("fact a = 1\nfact a = 2\n");
  Diagnostic& report = shown.report(16, 17);
  const source::FileId other = shown.sources.add("b.cata", "list a\n");
  report.notes.push_back({{shown.file, 5, 6}, "first here"});
  report.notes.push_back({{other, 5, 6}, "and here"});
  report.notes.push_back({{}, "names are per pack"});
  report.fixes.push_back({{shown.file, 16, 17}, "b", "did you mean `b`?"});
  EXPECT_EQ(shown.text(),
            std::string(kHead) +
                " --> a.cata:2:6\n  |\n2 | fact a = 2\n  |      ^\n1 | fact a = 1\n  |      - first here\n"
                " ::: b.cata:1:6\n1 | list a\n  |      - and here\n  = note: names are per pack\n"
                "  = help: did you mean `b`?\n" +
                kTail);
}

TEST(Json, IsValidWhateverTheSourceHolds) {
  Shown shown("\"\xff\n");
  Diagnostic& report = shown.report(0, 2);
  report.fixes.push_back({{shown.file, 0, 1}, "\"\x01\\", "l"});
  EXPECT_EQ(to_json(shown.sources, report),
            "{\"code\":\"E0101\",\"severity\":\"error\",\"message\":\"expected `x`, found "
            "`y`\",\"file\":\"a.cata\",\"line\":1,"
            "\"column\":1,\"end_line\":1,\"end_column\":3,\"notes\":[],\"fixes\":[{\"label\":\"l\",\"text\":"
            "\"\\\"\\u0001\\\\\","
            "\"file\":\"a.cata\",\"line\":1,\"column\":1,\"end_line\":1,\"end_column\":2}]}");
}

TEST(Sink, CountsBeyondItsLimitAndSorts) {
  Sink sink(2);
  source::SourceMap sources;
  const source::FileId file = sources.add("a.cata", "abcdef");
  for (const uint32_t at : {4u, 2u, 1u}) {
    sink.report(Kind::InvalidCharacter, {file, at, at + 1}, {"`x`"})
        .notes.push_back({{}, "kept only within the limit"});
  }
  EXPECT_EQ(sink.error_count(), 3u);
  EXPECT_EQ(sink.dropped(), 1u);
  sink.sort();
  ASSERT_EQ(sink.all().size(), 2u);
  EXPECT_EQ(sink.all()[0].span.begin, 2u);
}

TEST(DidYouMean, FindsNeighboursOnly) {
  EXPECT_EQ(did_you_mean("creat_issue", {"create_issue", "close_issue"}), "create_issue");
  EXPECT_EQ(did_you_mean("lsit", {"list", "last"}), "list");
  EXPECT_EQ(did_you_mean("abc", {"xyz"}), "");
  EXPECT_EQ(did_you_mean("", {"a"}), "");
  EXPECT_EQ(did_you_mean("same", {"same"}), "");
  EXPECT_EQ(did_you_mean(std::string(1'000, 'a'), {"a"}), "");
}

TEST(Codes, AreFound) {
  ASSERT_NE(find_code("E0101"), nullptr);
  EXPECT_EQ(find_code("E0101")->name, "UnexpectedToken");
  EXPECT_EQ(find_code("E9999"), nullptr);
}

}  // namespace
}  // namespace catalyst::diagnostics
