// Any bytes as a JSON-RPC message: refused with a fault or read, and every view of a read message lies inside
// its text.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/check.h"
#include "runtime/mcp/envelope.h"

namespace {

using namespace catalyst::mcp;

void check_inside(std::string_view text, std::string_view part) {
  CHECK(
      part.empty() || (part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size()),
      "a raw view points into the message");
}

void read_one(std::string_view text) {
  Envelope envelope;
  const EnvelopeLimits limits;
  if (parse_envelope(text, limits, envelope)) {
    return;
  }
  check_inside(text, envelope.id_json);
  check_inside(text, envelope.params_json);
  check_inside(text, envelope.name_json);
  check_inside(text, envelope.arguments_json);
  check_inside(text, envelope.meta.json);
  CHECK(envelope.kind == MessageKind::Response || envelope.method.size() <= limits.method_bytes,
        "the method limit holds");
  if (!envelope.params_json.empty()) {
    const std::vector<MemberEdit> edits = {{MemberEdit::Kind::Set, "name", "\"renamed\""},
                                           {MemberEdit::Kind::Remove, "_meta", {}}};
    const std::string edited = edit_object(envelope.params_json, edits);
    CHECK(find_member(edited, "name") == "\"renamed\"", "an edit takes effect");
    CHECK(find_member(edited, "_meta").empty(), "a removed member is gone");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (is_batch(text)) {
    std::vector<std::string_view> messages;
    if (!split_batch(text, EnvelopeLimits{}, messages)) {
      for (const std::string_view message : messages) {
        read_one(message);
      }
    }
    return 0;
  }
  read_one(text);
  return 0;
}
