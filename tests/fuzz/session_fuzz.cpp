// Any text as the id of a session: opens when it was sealed here for this principal and endpoint, and else
// never.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/check.h"
#include "runtime/mcp/session.h"

namespace {

using namespace catalyst::mcp;

const Sealer& sealer() {
  static const Sealer kSealer(
      {"a secret for the fuzzer, that is long enough", "and the one before it, long enough"});
  return kSealer;
}

/// What the input makes of an id: some of its bytes changed, some cut off, some added.
std::string spoilt(std::string id, std::string_view input) {
  for (size_t i = 0; i + 1 < input.size(); i += 2) {
    const size_t at = static_cast<unsigned char>(input[i]) % (id.size() + 1);
    switch (static_cast<unsigned char>(input[i + 1]) % 3) {
      case 0:
        id.resize(at);
        break;
      case 1:
        id.insert(at, 1, input[i + 1]);
        break;
      default:
        if (at < id.size()) {
          id[at] = input[i + 1];
        }
    }
  }
  return id;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  CHECK(!open_session(sealer(), input, "ana", {}, "").has_value(), "nobody sealed this");
  SessionTerms terms;
  terms.principal_id = "ana";
  terms.protocol_version = "2025-11-25";
  terms.client_name = input.substr(0, 200);
  terms.upstream_session = input.substr(0, 100);
  const std::string id = seal_session(sealer(), terms);
  const auto opened = open_session(sealer(), id, "ana", {}, "");
  CHECK(opened && opened->client_name == terms.client_name &&
            opened->upstream_session == terms.upstream_session,
        "an id says what was sealed");
  CHECK(!open_session(sealer(), id, "eve", {}, ""), "it is its principal's");
  CHECK(!open_session(sealer(), id, "ana", {0}, "files"), "and its endpoint's");
  const std::string changed = spoilt(id, input);
  CHECK(changed == id || !open_session(sealer(), changed, "ana", {}, ""), "a change is noticed");
  return 0;
}
