#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "runtime/abi/hook.h"

namespace catalyst::decision {

/// Who asks. Built once per token or connection by server/auth; all views must outlive the evaluations that
/// use it.
struct Principal {
  std::string_view id;      // empty: anonymous
  std::string_view tenant;  // empty: none
  std::span<const std::string_view> roles;
  std::span<const std::string_view> scopes;  // OAuth scopes of the token, those that they imply included
  int64_t risk = 0;                          // 0..100 as the authenticator reports it
  bool mfa = false;
  std::string_view claims = "{}";  // JSON object
  /// Not 0: names this very content (id, tenant and roles never change under one key), so that evaluators
  /// look its symbols up once.
  uint64_t cache_key = 0;
};

/// Everything a rule can read about one request. Views must outlive the evaluation; JSON text is read lazily,
/// only along the paths that the pack's rules mention, and need not be padded.
struct Request {
  abi::Hook hook = abi::Hook::Call;
  const Principal* principal = nullptr;
  std::string_view session_id;
  std::string_view protocol_version;  // "2025-11-25"
  std::string_view client_name;
  std::string_view client_version;
  std::string_view client_ip;   // textual, empty when unknown (stdio)
  std::string_view server;      // configured name of the upstream, "github"
  std::string_view tool;        // name as the upstream knows it, "create_issue"
  std::string_view args;        // JSON object text; empty: {}
  std::string_view result;      // hook Result: JSON text of the CallToolResult
  std::string_view definition;  // hook ListTools: JSON text of the tool's definition
  int64_t now_us = 0;           // microseconds since the epoch
};

}  // namespace catalyst::decision
