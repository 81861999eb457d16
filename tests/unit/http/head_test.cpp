#include "runtime/http/head.h"

#include <gtest/gtest.h>

#include <string>

namespace catalyst::http {
namespace {

HeadResult request(std::string_view text, Head& head, size_t max_fields = 20) {
  return parse_request(text, max_fields, head);
}

HeadResult request(std::string_view text) {
  Head head;
  return request(text, head);
}

HeadResult response(std::string_view text) {
  Head head;
  return parse_response(text, 20, head);
}

constexpr std::string_view kHost = "GET / HTTP/1.1\r\nHost: a\r\n";

std::string with(std::string_view fields) { return std::string(kHost) + std::string(fields) + "\r\n"; }

TEST(Head, RequestLineAndFields) {
  const std::string text =
      "POST /mcp?x=1 HTTP/1.1\r\nHost: a\r\nX-Long-Name-Of-A-Field_1:\t some \t text "
      "\t\r\nEmpty:\r\n\r\nrest";
  Head head;
  ASSERT_EQ(request(text, head), HeadResult::Complete);
  EXPECT_EQ(head.size, text.size() - 4);
  EXPECT_EQ(head.start.name(text), "POST");
  EXPECT_EQ(head.start.value(text), "/mcp?x=1");
  EXPECT_EQ(head.fields[1].value(text), "some \t text");
  EXPECT_EQ(head.find(text, "HOST"), "a");
  EXPECT_EQ(head.find(text, "empty"), "");
  EXPECT_EQ(head.find(text, "hos"), std::nullopt);
  EXPECT_TRUE(head.http11 && head.keep_alive);
  EXPECT_EQ(head.framing, Framing::Length);
  EXPECT_EQ(head.length, 0U);
}

TEST(Head, EveryPrefixIsIncomplete) {
  const std::string text =
      with("Content-Length: 5\r\nAuthorization: Bearer 0123456789012345678901234567890123456789\r\n");
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_EQ(request(std::string_view(text).substr(0, size)), HeadResult::Incomplete) << size;
  }
  EXPECT_EQ(request(text), HeadResult::Complete);
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n";
  for (size_t size = 0; size < answer.size(); ++size) {
    EXPECT_EQ(response(std::string_view(answer).substr(0, size)), HeadResult::Incomplete) << size;
  }
}

TEST(Head, WhatMayBeReadInTwoWaysIsRefused) {
  for (const std::string& text : {
           std::string("GET / HTTP/1.1\r\n\r\n"),                 // no Host
           std::string("GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),     // two blanks
           std::string("GET / HTTP/1.2\r\nHost: a\r\n\r\n"),      //
           std::string("GET / HTTP/2\r\nHost: a\r\n\r\n"),        //
           std::string("GET /\r\nHost: a\r\n\r\n"),               // HTTP/0.9
           std::string("G=T / HTTP/1.1\r\nHost: a\r\n\r\n"),      //
           std::string("GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n"),  //
           std::string("GET / HTTP/1.1\nHost: a\n\n"),            // bare LF
           std::string("\x16\x03\x01 TLS"),                       //
           with("Host: a\r\n"),                                   // twice
           with("A : b\r\n"),                                     // blank before the colon
           with("A: b\r\n c: d\r\n"),                             // folded
           with("A: b\rc\r\n"),                                   // bare CR
           with("A: b\nc: d\r\n"),                                //
           with(std::string("A: b\0c\r\n", 8)),                   //
           with("Connection: a b\r\n"),                           //
           with("A: b\x7f\r\n"),                                  //
           with(": b\r\n"),                                       // no name
           with("A\r\n"),                                         // no colon
           with("Authorization: a\r\nauthorization: b\r\n"),      //
           with("Content-Length: 5\r\nContent-Length: 5\r\n"),    //
           with("Content-Length: 5, 5\r\n"),                      //
           with("Content-Length: +5\r\n"),                        //
           with("Content-Length: 0x5\r\n"),                       //
           with("Content-Length:\r\n"),                           //
           with("Content-Length: 9999999999999999999\r\n"),       // beyond 64 bits in some readers
           with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
           with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
           with("Transfer-Encoding: gzip, chunked\r\n"),
           with("Transfer-Encoding: xchunked\r\n"),
           with("Transfer-Encoding: chunked, identity\r\n"),
           std::string("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
       }) {
    EXPECT_EQ(request(text), HeadResult::Malformed) << text;
  }
}

TEST(Head, ConnectionAndVersionSayWhetherItStays) {
  const auto stays = [](std::string_view text) {
    Head head;
    EXPECT_EQ(request(text, head), HeadResult::Complete) << text;
    return head.keep_alive;
  };
  EXPECT_TRUE(stays(with("")));
  EXPECT_FALSE(stays(with("Connection: close\r\n")));
  EXPECT_FALSE(stays(with("Connection: TE , Close\r\n")));
  EXPECT_FALSE(stays(with("Connection: keep-alive\r\nConnection: close\r\n")));
  EXPECT_FALSE(stays("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(stays("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
}

TEST(Head, TooManyFields) {
  Head head;
  EXPECT_EQ(request(with("A: b\r\nC: d\r\n"), head, 3), HeadResult::Complete);
  EXPECT_EQ(request(with("A: b\r\nC: d\r\nE: f\r\n"), head, 3), HeadResult::TooManyFields);
}

TEST(Head, WhereTheBodyOfAResponseEnds) {
  const auto framing = [](std::string_view text) {
    Head head;
    EXPECT_EQ(parse_response(text, 20, head), HeadResult::Complete) << text;
    return std::pair(head.framing, head.length);
  };
  EXPECT_EQ(framing("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"), std::pair(Framing::Length, uint64_t{7}));
  EXPECT_EQ(framing("HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n").first, Framing::Chunked);
  EXPECT_EQ(framing("HTTP/1.1 200 \r\n\r\n").first, Framing::UntilClose);
  EXPECT_EQ(framing("HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n"),
            std::pair(Framing::Length, uint64_t{0}));
  EXPECT_EQ(framing("HTTP/1.1 100 Continue\r\n\r\n"), std::pair(Framing::Length, uint64_t{0}));
  EXPECT_EQ(response("HTTP/1.1 20 OK\r\n\r\n"), HeadResult::Malformed);
  EXPECT_EQ(response("HTTP/1.1 2000\r\n\r\n"), HeadResult::Malformed);
  EXPECT_EQ(response("ICY 200 OK\r\n\r\n"), HeadResult::Malformed);
}

TEST(Head, TokensInAnyCase) {
  for (const std::string_view token :
       {"a", "te", "via", "host", "expect", "upgrade", "connection", "transfer-encoding"}) {
    std::string shout(token);
    for (char& c : shout) {
      c = static_cast<char>(std::toupper(c));
    }
    EXPECT_TRUE(same_token(token, shout));
    for (char& c : shout) {
      const char before = c;
      c = '~';
      EXPECT_FALSE(same_token(token, shout));
      c = before;
    }
  }
}

}  // namespace
}  // namespace catalyst::http
