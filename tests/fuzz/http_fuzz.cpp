// Any bytes as HTTP/1 requests on one connection: refused, or read with every span inside the head, every
// limit kept, the same requests found however the bytes arrive, and as Boost.Beast reads them.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/check.h"
#include "server/http/path.h"
#include "tests/unit/http/read_requests.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace catalyst::http;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const std::vector<ReadRequest> requests = read_requests(rest, SIZE_MAX);
  CHECK(requests == read_requests(rest, 7), "the pieces make no difference");
  for (const ReadRequest& request : requests) {
    if (request.whole) {
      check_with_beast(rest, request);
    }
    std::string scratch;
    if (const auto path = catalyst::server::normalise_path(request.target, scratch)) {
      CHECK(path->starts_with('/') && path->find("/../") == std::string_view::npos,
            "a path stays below its root");
    }
    rest.remove_prefix(request.used);
  }
  Head head;
  const HeadResult result = parse_response({reinterpret_cast<const char*>(data), size}, 20, head);
  CHECK(result != HeadResult::Complete || (head.size <= size && head.status >= 100 && head.status <= 999),
        "a response has a status");
  return 0;
}
