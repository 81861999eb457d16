#include "runtime/http/body.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/unit/http/read_requests.h"

namespace catalyst::http {
namespace {

using State = BodyReader::State;

struct Outcome {
  State state;
  std::string content;
  size_t used;
  bool operator==(const Outcome&) const = default;
};

Outcome read(Framing framing, uint64_t length, std::string_view bytes, uint64_t limit = 100,
             size_t step = SIZE_MAX) {
  Head head;
  head.framing = framing;
  head.length = length;
  BodyReader reader;
  reader.start(head, limit);
  Outcome out{};
  while (reader.state() == State::Open && out.used < bytes.size()) {
    const auto piece = reader.next(bytes.substr(out.used, step));
    out.content += piece.content;
    out.used += piece.used;
  }
  out.state = reader.state();
  return out;
}

Outcome chunked(std::string_view bytes, uint64_t limit = 100) {
  const Outcome whole = read(Framing::Chunked, 0, bytes, limit);
  EXPECT_EQ(read(Framing::Chunked, 0, bytes, limit, 1), whole) << bytes;
  return whole;
}

TEST(Body, OfAKnownLength) {
  EXPECT_EQ(read(Framing::Length, 0, "next"), (Outcome{State::Done, "", 0}));
  EXPECT_EQ(read(Framing::Length, 3, "abcnext"), (Outcome{State::Done, "abc", 3}));
  EXPECT_EQ(read(Framing::Length, 3, "ab"), (Outcome{State::Open, "ab", 2}));
  EXPECT_EQ(read(Framing::Length, 101, "ab"), (Outcome{State::TooLarge, "", 0}));
}

TEST(Body, UntilTheConnectionEnds) {
  EXPECT_EQ(read(Framing::UntilClose, 0, "abc"), (Outcome{State::Open, "abc", 3}));
  EXPECT_EQ(read(Framing::UntilClose, 0, "abc", 2).state, State::TooLarge);
  const auto ended = [](Framing framing) {
    Head head;
    head.framing = framing;
    head.length = 1;
    BodyReader reader;
    reader.start(head, 100);
    reader.end();
    return reader.state();
  };
  EXPECT_EQ(ended(Framing::UntilClose), State::Done);
  EXPECT_EQ(ended(Framing::Length), State::Malformed);
  EXPECT_EQ(ended(Framing::Chunked), State::Malformed);
}

TEST(Body, InChunks) {
  EXPECT_EQ(chunked("3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\nnext"),
            (Outcome{State::Done, "abc0123456789", 28}));
  EXPECT_EQ(chunked("3;name=value \t\r\nabc\r\n000\r\nTrailer: x\r\nOther: y\r\n\r\nnext").content, "abc");
  EXPECT_EQ(chunked("3;name=value\r\nabc\r\n0\r\nTrailer: x\r\n\r\nnext").state, State::Done);
  EXPECT_EQ(chunked("3\r\nabc\r\n0\r\n").state, State::Open);
}

TEST(Body, BadChunksAreRefused) {
  for (const std::string_view text :
       {"\r\n", "x\r\n", "-3\r\nabc", "3\nabc\n", "3\r\rabc", "3\r\nabcd\r\n", "3\r\nabc\n0\r\n",
        "3x\r\nabc\r\n", "3;a\nb\r\nabc\r\n", "0\r\na\nb\r\n\r\n", "0\r\n\rx", "0\r\na: b\rx"}) {
    EXPECT_EQ(chunked(text).state, State::Malformed) << text;
  }
  EXPECT_EQ(chunked(std::string("3;a\0b\r\nabc\r\n", 12)).state, State::Malformed);
}

TEST(Body, LimitsOfChunks) {
  EXPECT_EQ(chunked("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 5).state, State::Done);
  EXPECT_EQ(chunked("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 4).state, State::TooLarge);
  EXPECT_EQ(chunked("ffffffffffffffff\r\n").state, State::TooLarge);
  EXPECT_EQ(chunked("10000000000000000\r\n").state, State::TooLarge) << "what does not fit into 64 bits";
  EXPECT_EQ(chunked("3;" + std::string(20'000, 'x')).state, State::Malformed);
  EXPECT_EQ(chunked("0\r\n" + std::string(20'000, 'x')).state, State::Malformed);
  EXPECT_EQ(chunked(std::string(20'000, '0')).state, State::Malformed);
}

/// Seeded, so that a failure comes again.
TEST(Body, MutatedRequestsAreReadAsBeastReadsThem) {
  const std::vector<std::string> seeds = {
      "POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nConnection: keep-alive\r\n\r\nhello worldGET "
      "/x HTTP/1.0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: "
      "100-continue\r\n\r\n5;a=b\r\nhello\r\n0\r\nT: x\r\n\r\n"
      "GET /y HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer x\r\n\r\n",
  };
  constexpr std::string_view kBytes = "\r\n \t:;,0159afAF/.-_\x7f\x80";
  std::mt19937 random(7);
  size_t taken = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string text = seeds[random() % seeds.size()];
    for (unsigned change = random() % 4; change > 0; --change) {
      const size_t at = random() % text.size();
      const char byte = random() % 8 == 0 ? static_cast<char>(random()) : kBytes[random() % kBytes.size()];
      switch (random() % 3) {
        case 0:
          text[at] = byte;
          break;
        case 1:
          text.insert(at, 1, byte);
          break;
        default:
          text.erase(at, 1 + random() % 3);
          break;
      }
    }
    const std::vector<ReadRequest> requests = read_requests(text, SIZE_MAX);
    ASSERT_EQ(requests, read_requests(text, 7)) << text;
    std::string_view rest = text;
    for (const ReadRequest& request : requests) {
      if (request.whole) {
        check_with_beast(rest, request);
        ++taken;
      }
      rest.remove_prefix(request.used);
    }
  }
  EXPECT_GT(taken, 100'000U);
}

}  // namespace
}  // namespace catalyst::http
