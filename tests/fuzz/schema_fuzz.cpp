// Any bytes as a schema and, behind the first line break, an instance: refused or judged, within the budget,
// and with a reason whenever it does not fit.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/base/check.h"
#include "runtime/schema/schema.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using catalyst::schema::Schema;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t line = std::min(text.find('\n'), text.size());
  catalyst::schema::Limits limits;
  limits.steps = 10'000;
  const auto schema = Schema::compile(text.substr(0, line), limits);
  if (schema.has_error()) {
    CHECK(!schema.error().message().empty(), "an error says what is wrong");
    return 0;
  }
  const auto outcome = (*schema)->validate(text.substr(std::min(line + 1, text.size())));
  CHECK(outcome.valid == outcome.issues.empty(), "what does not fit has a reason");
  CHECK(outcome.issues.size() <= limits.issues, "no more reasons than asked for");
  return 0;
}
