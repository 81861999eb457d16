// Any bytes as HTTP/1 requests on one connection: refused, or read with every span inside the header, every
// limit kept, and the same requests found however the bytes arrive.

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/check.h"
#include "server/http/path.h"
#include "server/http/request_parser.h"

namespace {

using namespace catalyst::server;
namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr size_t kHeaderBytes = 4096;
constexpr size_t kBodyBytes = 8192;
constexpr size_t kFields = 20;

void check_inside(size_t size, uint32_t offset, uint32_t length) {
  CHECK(size_t{offset} + length <= size, "a span lies inside the header");
}

/// As a connection reads: the header in one piece, then the body `step` bytes at a time. The bodies, and a
/// mark behind the last one when the next request is refused.
std::vector<std::string> read_all(std::string_view input, size_t step) {
  std::vector<std::string> out;
  while (!input.empty()) {
    const size_t end = input.find("\r\n\r\n");
    if (end == std::string_view::npos || end + 4 > kHeaderBytes) {
      return out;
    }
    RequestHead head;
    std::string body;
    RequestParser parser(head, body, kFields);
    parser.header_limit(kHeaderBytes);
    parser.body_limit(kBodyBytes);
    parser.set_base(input.data(), end + 4);
    error_code ec;
    size_t used = parser.put(asio::buffer(input.data(), end + 4), ec);
    if (ec || !parser.is_header_done() || head.bad) {
      out.emplace_back("refused");
      return out;
    }
    CHECK(head.fields.size() <= kFields, "the limit of fields holds");
    check_inside(end + 4, head.request_line.value_offset, head.request_line.value_length);
    for (const FieldSpan& field : head.fields) {
      check_inside(end + 4, field.name_offset, field.name_length);
      check_inside(end + 4, field.value_offset, field.value_length);
    }
    std::string scratch;
    const std::string_view target =
        input.substr(head.request_line.value_offset, head.request_line.value_length);
    if (const auto path = normalise_path(target, scratch)) {
      CHECK(path->starts_with('/') && path->find("/../") == std::string_view::npos,
            "a path stays below its root");
    }
    while (!parser.is_done()) {
      if (used == input.size()) {
        return out;
      }
      // What a chunk's header needs more of stays where it is, as in a connection's buffer.
      size_t piece = std::min(step, input.size() - used);
      size_t taken = parser.put(asio::buffer(input.data() + used, piece), ec);
      while (ec == http::error::need_more && taken == 0 && used + piece < input.size()) {
        piece = std::min(piece + step, input.size() - used);
        taken = parser.put(asio::buffer(input.data() + used, piece), ec);
      }
      used += taken;
      if (ec == http::error::need_more) {
        if (taken == 0) {
          return out;
        }
        ec = {};
      }
      if (ec) {
        out.emplace_back("refused");
        return out;
      }
    }
    CHECK(body.size() <= kBodyBytes, "the limit of a body holds");
    out.push_back(body);
    input.remove_prefix(used);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  CHECK(read_all(input, SIZE_MAX / 2) == read_all(input, 7), "the pieces make no difference");
  return 0;
}
