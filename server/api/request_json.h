#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "compiler/ir/ir.h"
#include "runtime/base/result.h"
#include "runtime/decision/engine.h"
#include "runtime/decision/request.h"

namespace catalyst::server {

/// A request that owns its texts, for commands that decide without traffic.
class StoredRequest {
 public:
  /// Reads {"hook": "call", "server": "s", "tool": "t", "args": {}, "result": {}, "definition": {},
  /// "principal": {"id", "tenant", "roles", "mfa", "risk", "claims"}, "session": {"id", "protocol"},
  /// "client": {"name", "version", "ip"}, "now": microseconds or "2026-01-01T00:00:00Z", "windows":
  /// {"count(call db.* by principal.id within 1h)": 21}}. Instead of `tool`,
  /// other hooks have `prompt`, `uri`, `agent` or `event`, and instead of `args` the `params` as the protocol
  /// has them. Everything but what the request is about may be left out; an unknown member is an error.
  static Result<std::unique_ptr<StoredRequest>> from_json(std::string_view text);
  /// The request of a `test` block; what its past calls have counted in the windows of `pack` is in it.
  static Result<std::unique_ptr<StoredRequest>> from_test(const ir::Test& test, const decision::Pack& pack);
  /// The first of the request's `windows` that the pack does not have, "" when there is none.
  [[nodiscard]] std::string unknown_window(const decision::Pack& pack) const;

  ~StoredRequest();
  StoredRequest(const StoredRequest&) = delete;
  StoredRequest& operator=(const StoredRequest&) = delete;

  [[nodiscard]] const decision::Request& request() const;

 private:
  struct Impl;
  explicit StoredRequest(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace catalyst::server
