#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/abi/unit.h"
#include "runtime/base/arena.h"
#include "runtime/decision/scan.h"
#include "runtime/value/value.h"

namespace catalyst::decision {

/// Turns JSON into values by shape while it is scanned. Strings without escapes stay views of the text;
/// everything else goes to the arena. JSON null is Absent; what does not fit its shape, a repeated member, or
/// an exhausted arena is Invalid, and the scan goes on behind it.
class Converter {
 public:
  Converter(const std::vector<abi::Shape>& shapes, Arena& arena, std::vector<value::Value>& stack,
            std::vector<value::Entry>& entry_stack)
      : shapes_(shapes), arena_(arena), stack_(stack), entries_(entry_stack) {}

  /// The next value of `in` as `shape`.
  value::Value convert(JsonScanner& in, uint32_t shape);

  /// The decoded text of a scanned string; Invalid when the arena is full.
  value::Value text(const JsonScanner::Text& scanned) {
    return scanned.escaped ? unescaped(scanned.raw) : value::Value::of_string(scanned.raw);
  }

 private:
  value::Value convert_string(JsonScanner& in, const abi::Shape& shape);
  value::Value convert_number(JsonScanner& in, abi::Shape::Kind kind);
  value::Value convert_list(JsonScanner& in, const abi::Shape* element, bool unique);
  value::Value convert_members(JsonScanner& in, const abi::Shape& shape);
  value::Value convert_json(JsonScanner& in);
  value::Value convert_any(JsonScanner& in, const abi::Shape* shape);
  value::Value unescaped(std::string_view raw);
  value::Value skip_as_invalid(JsonScanner& in);

  const std::vector<abi::Shape>& shapes_;
  Arena& arena_;
  std::vector<value::Value>& stack_;    // elements of lists that are still open; reused between requests
  std::vector<value::Entry>& entries_;  // the same for members
};

}  // namespace catalyst::decision
