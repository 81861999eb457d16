#include "server/http/request_parser.h"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>

namespace catalyst::server {

namespace http = boost::beast::http;

namespace {
/// A hostile Content-Length must not make us reserve memory that never arrives.
constexpr uint64_t kMaxReserve = 64 * 1024;
/// simdjson reads this far behind the end.
constexpr size_t kPadding = 64;
}  // namespace

void RequestParser::on_request_impl(verb, string_view method, string_view target, int version, error_code&) {
  head_.http11 = version == 11;
  head_.request_line = {static_cast<uint32_t>(method.data() - base_), static_cast<uint32_t>(method.size()),
                        static_cast<uint32_t>(target.data() - base_), static_cast<uint32_t>(target.size())};
}

void RequestParser::on_field_impl(field name, string_view name_text, string_view value, error_code& ec) {
  if (header_done_) {
    return;  // trailers could smuggle what the header was checked for
  }
  if (head_.fields.size() >= max_fields_) {
    ec = http::error::header_limit;
    return;
  }
  // A folded value lives in the parser's own memory; folding is obsolete and a known smuggling vector.
  if (!value.empty() && (value.data() < base_ || value.data() >= base_ + base_length_)) {
    ec = http::error::bad_value;
    return;
  }
  if (name == field::host) {
    ++head_.hosts;
  } else if (name == field::authorization) {
    ++head_.authorizations;
  } else if (name == field::expect) {
    head_.expect_continue = boost::beast::iequals(value, "100-continue");
  } else if (name == field::transfer_encoding && !boost::beast::iequals(value, "chunked")) {
    head_.bad = true;  // a coding we do not know would leave the length of the body open
  }
  head_.name_lengths |= RequestHead::length_bit(name_text.size());
  const char* at = value.empty() ? name_text.data() : value.data();
  head_.fields.push_back({static_cast<uint32_t>(name_text.data() - base_),
                          static_cast<uint32_t>(name_text.size()), static_cast<uint32_t>(at - base_),
                          static_cast<uint32_t>(value.size())});
}

void RequestParser::on_header_impl(error_code&) {
  header_done_ = true;
  // Of two, others on the way may have believed the other one.
  if (head_.authorizations > 1 || head_.hosts > 1 || (head_.http11 && head_.hosts == 0)) {
    head_.bad = true;
  }
}

void RequestParser::on_body_init_impl(const boost::optional<uint64_t>& length, error_code&) {
  body_.reserve(static_cast<size_t>(std::min<uint64_t>(length.value_or(0), kMaxReserve)) + kPadding);
}

size_t RequestParser::on_body_impl(string_view piece, error_code&) {
  body_.append(piece.data(), piece.size());
  return piece.size();
}

size_t RequestParser::on_chunk_body_impl(uint64_t, string_view piece, error_code&) {
  body_.append(piece.data(), piece.size());
  return piece.size();
}

void RequestParser::on_finish_impl(error_code&) { body_.reserve(body_.size() + kPadding); }

}  // namespace catalyst::server
