#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "runtime/abi/route.h"
#include "runtime/decision/verdict.h"

namespace catalyst::decision {

/// A condition or value of a route that could not be computed.
struct RouteError {
  value::Status status = value::Status::Ok;
  uint32_t expr = 0;  // where, an id of the unit's source map
};

/// Which route a call takes and what its expressions say of this call. Views point into the evaluator's
/// scratch and the pack: read them before the evaluator is used again.
struct RouteChoice {
  static constexpr uint32_t kNone = UINT32_MAX;

  const abi::Route* route = nullptr;
  uint32_t index = 0;          // in Unit::routes
  bool by_rule = false;        // a rule's `route NAME` chose it; otherwise the first that is for the call
  uint32_t preferred = kNone;  // in Route::targets: of the first `prefer` that holds; kNone: none does
  uint32_t prefer = kNone;     // in Route::prefers: which one that is
  /// Of `balance hash EXPR`; nothing when it could not be computed: balance by weight.
  std::optional<std::string_view> hash;
  /// Equal for calls that may share an answer, and for no others: bytes that name the route, the server, the
  /// tool, and each part of the key with its length. Empty: the answer of this call is not to be cached.
  std::string_view cache_key;
  /// What failed on the way. A condition that fails prefers nothing, a key that fails caches nothing.
  std::span<const RouteError> errors;
};

}  // namespace catalyst::decision
