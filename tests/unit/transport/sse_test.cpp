#include "runtime/mcp/sse.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/mcp/sse_link.h"

namespace catalyst::mcp {
namespace {

using Events = std::vector<std::pair<std::string, std::string>>;

Events parse(std::string_view text, size_t piece, SseParser& parser) {
  Events events;
  for (size_t i = 0; i < text.size(); i += piece) {
    parser.feed(text.substr(i, piece), [&](const SseEvent& event) {
      events.emplace_back(event.type, event.data);
      return true;
    });
  }
  return events;
}

TEST(Sse, AnyLineEndAndAnyCutGiveTheSameEvents) {
  const std::string text =
      "\xEF\xBB\xBF: comment\n"
      "event: message\ndata: one\n\n"
      "data: two\r\ndata:three\r\nid: 7\r\n\r\n"
      "data\r\rretry: 250\rid\rdata:  four\r\r"
      "event: nothing\n\n"
      "data: unfinished";
  const Events expected = {
      {"message", "one"}, {"message", "two\nthree"}, {"message", ""}, {"message", " four"}};
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    SseParser parser;
    EXPECT_EQ(parse(text, piece, parser), expected) << "in pieces of " << piece;
    EXPECT_EQ(parser.last_event_id(), "");
    EXPECT_EQ(parser.retry_ms(), 250);
  }
}

TEST(Sse, IdSurvivesEventsAndRestart) {
  SseParser parser;
  parse("id: abc\ndata: x\n\ndata: y\n\ndata: half", 3, parser);
  EXPECT_EQ(parser.last_event_id(), "abc");
  parser.restart();
  EXPECT_EQ(parse("data: z\n\n", 100, parser), (Events{{"message", "z"}}));
  EXPECT_EQ(parser.last_event_id(), "abc");
}

TEST(Sse, VisitorStops) {
  SseParser parser;
  int seen = 0;
  const auto outcome = parser.feed("data: 1\n\ndata: 2\n\n", [&](const SseEvent&) { return ++seen < 1; });
  EXPECT_EQ(outcome, SseParser::Outcome::Stopped);
  EXPECT_EQ(seen, 1);
}

TEST(Sse, BoundsLinesAndEvents) {
  const auto ignore = [](const SseEvent&) { return true; };
  SseParser one_line(100);
  EXPECT_EQ(one_line.feed(std::string(60, 'x'), ignore), SseParser::Outcome::More);
  EXPECT_EQ(one_line.feed(std::string(60, 'x'), ignore), SseParser::Outcome::TooLarge);
  SseParser many_lines(100);
  auto outcome = SseParser::Outcome::More;
  for (int i = 0; i < 60 && outcome == SseParser::Outcome::More; ++i) {
    outcome = many_lines.feed("data: abc\n", ignore);
  }
  EXPECT_EQ(outcome, SseParser::Outcome::TooLarge);
}

TEST(Sse, IgnoresHostileIdAndRetry) {
  SseParser parser;
  parse(std::string("id: a\0b\nretry: -1\nretry: 12x\ndata: x\n\n", 38), 100, parser);
  EXPECT_EQ(parser.last_event_id(), "");
  EXPECT_EQ(parser.retry_ms(), -1);
}

std::string target_of(std::string_view base, std::string_view reference) {
  const Result<HttpUrl> url = parse_http_url(base);
  const Result<std::string> target = same_origin_target(*url, reference);
  return target ? *target : "refused";
}

TEST(SseLink, TheAddressForMessagesStaysWithTheServer) {
  const std::string_view base = "http://127.0.0.1:3000/a/sse?x=1";
  EXPECT_EQ(target_of(base, "/message?sessionId=1"), "/message?sessionId=1");
  EXPECT_EQ(target_of(base, "message?sessionId=1"), "/a/message?sessionId=1");
  EXPECT_EQ(target_of(base, "?sessionId=1"), "/a/sse?sessionId=1");
  EXPECT_EQ(target_of(base, "http://127.0.0.1:3000/m"), "/m");
  EXPECT_EQ(target_of(base, "//127.0.0.1:3000/m"), "/m");
  EXPECT_EQ(target_of(base, "/m?next=http://elsewhere.example/"), "/m?next=http://elsewhere.example/");
  for (const std::string_view elsewhere :
       {"http://127.0.0.1:3001/m", "https://127.0.0.1:3000/m", "http://evil.example/m", "//evil.example/m",
        "http://user@127.0.0.1:3000/m", "javascript:alert(1)", "file:///etc/passwd", "/m\r\nX: y", "/m m",
        "/m#x", "\\evil", ""}) {
    EXPECT_EQ(target_of(base, elsewhere), "refused") << elsewhere;
  }
}

}  // namespace
}  // namespace catalyst::mcp
