#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"

namespace catalyst::schema {

/// What one schema, and one validation, may cost.
struct Limits {
  size_t schema_bytes = 1024 * 1024;
  uint32_t depth = 64;       // nesting of the schema's text, and of the instance's
  size_t nodes = 10'000;     // subschemas
  size_t patterns = 500;     // regular expressions
  uint64_t steps = 200'000;  // of one validation: subschemas applied, elements compared
  size_t issues = 5;         // reported of one validation
};

/// One reason why an instance does not fit.
struct Issue {
  std::string path;     // RFC 6901 pointer into the instance; "": the instance itself
  std::string message;  // such as "must be one of \"a\", \"b\""
};

struct Outcome {
  bool valid = false;
  std::vector<Issue> issues;  // not empty when not valid

  /// "/a/b must be text; /c is not known", for people.
  [[nodiscard]] std::string text() const;
};

/// A JSON Schema, compiled once and applied many times: draft 2020-12, or draft-07 where `$schema` says so
/// (draft-04 and draft-06 read as draft-07). Nothing is ever fetched: a `$ref` must stay inside the document.
/// `format` and content keywords are annotations. Regular expressions run in linear time (RE2). Immutable;
/// any thread.
class Schema {
 public:
  /// An error says where in the schema what is wrong: not JSON, a keyword of a wrong type, a `$ref` that
  /// leads nowhere or outside, or a limit.
  static Result<std::shared_ptr<const Schema>> compile(std::string_view schema_json,
                                                       const Limits& limits = {});
  ~Schema();
  Schema(const Schema&) = delete;
  Schema& operator=(const Schema&) = delete;

  /// Whether the instance fits. A member that differs from a declared one in upper and lower case alone does
  /// not, since some servers would take it for that one. Text that is no JSON does not, and neither does what
  /// costs more steps than allowed or holds numbers beyond 64 bits, which could not be compared exactly.
  [[nodiscard]] Outcome validate(std::string_view instance_json) const;
  /// Parts that cannot be checked and count as met: patterns that need more than RE2 (look-around, back
  /// references).
  [[nodiscard]] const std::vector<std::string>& unchecked() const;

 private:
  Schema();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace catalyst::schema
