#pragma once

// Internal to server/http: Beast's HTTP/1 parser, keeping views instead of building a field container.

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace catalyst::server {

/// Offsets into the header block of the request, which outlives the read buffer it was parsed from.
struct FieldSpan {
  uint32_t name_offset;
  uint32_t name_length;
  uint32_t value_offset;
  uint32_t value_length;
};

/// What the parser found in one request. Reused from request to request so that a warm connection allocates
/// nothing.
struct RequestHead {
  FieldSpan request_line{};  // name: method, value: target
  std::vector<FieldSpan> fields;
  uint64_t name_lengths = 0;  // bit n: there may be a field whose name has n bytes; most lookups end here
  int hosts = 0;
  int authorizations = 0;
  bool http11 = true;
  bool expect_continue = false;
  bool bad = false;  // breaks a rule that Beast does not enforce

  [[nodiscard]] static uint64_t length_bit(size_t length) {
    return uint64_t{1} << std::min<size_t>(length, 63);
  }

  void clear() {
    fields.clear();
    name_lengths = 0;
    hosts = 0;
    authorizations = 0;
    http11 = true;
    expect_continue = false;
    bad = false;
  }
};

/// One request; construct anew for each. Put the header in one buffer that starts at `base` (eager is off, so
/// `put` returns at its end).
class RequestParser final : public boost::beast::http::basic_parser<true> {
 public:
  using string_view = boost::beast::string_view;
  using error_code = boost::beast::error_code;

  RequestParser(RequestHead& head, std::string& body, size_t max_fields)
      : head_(head), body_(body), max_fields_(max_fields) {}

  /// Where the buffer given to `put` begins; offsets count from there.
  void set_base(const char* base, size_t length) {
    base_ = base;
    base_length_ = length;
  }

 private:
  using field = boost::beast::http::field;
  using verb = boost::beast::http::verb;

  void on_request_impl(verb, string_view method, string_view target, int version, error_code& ec) override;
  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_field_impl(field name, string_view name_text, string_view value, error_code& ec) override;
  void on_header_impl(error_code& ec) override;
  void on_body_init_impl(const boost::optional<uint64_t>& length, error_code& ec) override;
  size_t on_body_impl(string_view piece, error_code& ec) override;
  void on_chunk_header_impl(uint64_t, string_view, error_code&) override {}
  size_t on_chunk_body_impl(uint64_t remain, string_view piece, error_code& ec) override;
  void on_finish_impl(error_code& ec) override;

  RequestHead& head_;
  std::string& body_;
  size_t max_fields_;
  const char* base_ = nullptr;
  size_t base_length_ = 0;
  bool header_done_ = false;
};

}  // namespace catalyst::server
