#pragma once

// Requests of one connection as Catalyst reads them, and as Boost.Beast does, which nobody here wrote: what
// Catalyst takes, Beast must take for the same.

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/check.h"
#include "runtime/http/body.h"
#include "runtime/http/head.h"

namespace catalyst::http {

struct ReadRequest {
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  bool keep_alive = false;
  bool whole = false;    // else its bytes ended before it
  bool refused = false;  // nothing after it is read
  size_t used = 0;

  bool operator==(const ReadRequest&) const = default;
};

struct ReadLimits {
  size_t fields = 20;
  uint64_t body = 8192;
};

/// The first request of `input`, its body `step` bytes at a time.
inline ReadRequest read_request(std::string_view input, size_t step, const ReadLimits& limits) {
  ReadRequest request;
  Head head;
  const HeadResult result = parse_request(input, limits.fields, head);
  if (result != HeadResult::Complete) {
    request.refused = result != HeadResult::Incomplete;
    return request;
  }
  CHECK(head.size <= input.size() && head.fields.size() <= limits.fields, "a head stays within its limits");
  const std::string_view text = input.substr(0, head.size);
  const auto inside = [&text](std::string_view part) {
    CHECK(part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size(),
          "a span lies inside the head");
    return std::string(part);
  };
  request.method = inside(head.start.name(text));
  request.target = inside(head.start.value(text));
  for (const FieldSpan& field : head.fields) {
    request.fields.emplace_back(inside(field.name(text)), inside(field.value(text)));
  }
  request.keep_alive = head.keep_alive;
  request.used = head.size;
  BodyReader reader;
  reader.start(head, limits.body);
  while (reader.state() == BodyReader::State::Open && request.used < input.size()) {
    const auto piece = reader.next(input.substr(request.used, step));
    CHECK(piece.used > 0, "bytes are used");
    request.body += piece.content;
    request.used += piece.used;
  }
  CHECK(request.body.size() <= limits.body, "the limit of a body holds");
  request.whole = reader.state() == BodyReader::State::Done;
  request.refused = !request.whole && reader.state() != BodyReader::State::Open;
  return request;
}

/// All requests of `input`, up to one that is refused or not whole.
inline std::vector<ReadRequest> read_requests(std::string_view input, size_t step,
                                              const ReadLimits& limits = {}) {
  std::vector<ReadRequest> requests;
  while (!input.empty() && (requests.empty() || requests.back().whole)) {
    requests.push_back(read_request(input, step, limits));
    input.remove_prefix(requests.back().used);
  }
  return requests;
}

class BeastRequest final : public boost::beast::http::basic_parser<true> {
 public:
  using string_view = boost::beast::string_view;
  using error_code = boost::beast::error_code;

  ReadRequest request;
  bool in_body = false;

 private:
  static std::string text_of(string_view view) { return {view.data(), view.size()}; }

  void on_request_impl(boost::beast::http::verb, string_view method, string_view target, int,
                       error_code&) override {
    request.method = text_of(method);
    request.target = text_of(target);
  }
  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_field_impl(boost::beast::http::field, string_view name, string_view value, error_code&) override {
    if (!in_body) {
      request.fields.emplace_back(text_of(name), text_of(value));
    }
  }
  void on_header_impl(error_code&) override { in_body = true; }
  void on_body_init_impl(const boost::optional<uint64_t>&, error_code&) override {}
  size_t on_body_impl(string_view piece, error_code&) override { return take(piece); }
  void on_chunk_header_impl(uint64_t, string_view, error_code&) override {}
  size_t on_chunk_body_impl(uint64_t, string_view piece, error_code&) override { return take(piece); }
  void on_finish_impl(error_code&) override {}
  size_t take(string_view piece) {
    request.body.append(piece.data(), piece.size());
    return piece.size();
  }
};

/// CHECKs that Beast reads `ours`, whole, out of `input`. It knows fewer chunk extensions and looks into
/// trailers, so a chunked body that it refuses says nothing.
inline void check_with_beast(std::string_view input, const ReadRequest& ours) {
  namespace beast = boost::beast::http;
  BeastRequest parser;
  parser.eager(true);
  parser.header_limit(UINT32_MAX);
  parser.body_limit(boost::none);
  boost::system::error_code ec;
  size_t used = 0;
  while (!ec && !parser.is_done() && used < ours.used) {
    used += parser.put(boost::asio::buffer(input.data() + used, ours.used - used), ec);
  }
  if (ec && parser.in_body) {
    return;
  }
  const auto beyond_us = [](const auto& field) {
    return same_token("upgrade", field.first) || same_token("proxy-connection", field.first);
  };
  if (ec == beast::error::bad_value && std::any_of(ours.fields.begin(), ours.fields.end(), beyond_us)) {
    return;  // Beast looks into their values
  }
  CHECK(!ec, "Beast takes the head");
  CHECK(parser.is_done() && used == ours.used, "the message ends where it does for Beast");
  CHECK(parser.request.method == ours.method && parser.request.target == ours.target,
        "the same request line");
  CHECK(parser.request.fields == ours.fields, "the same fields");
  CHECK(parser.request.body == ours.body, "the same body");
  CHECK(!ours.keep_alive || parser.keep_alive(), "kept open only where Beast would");
}

}  // namespace catalyst::http
