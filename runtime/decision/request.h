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

/// Which rules a request of a list hook is put to.
enum class Listing : uint8_t {
  Derived,   // its own, and those of the hook by which it could be asked for: what nobody could ask for is
             // hidden
  OwnRules,  // its own alone
};

class WindowStore;

/// Everything a rule can read about one request. Views must outlive the evaluation; JSON text is read lazily,
/// only along the paths that the pack's rules mention, and need not be padded.
struct Request {
  abi::Hook hook = abi::Hook::Call;
  Listing listing = Listing::Derived;
  const Principal* principal = nullptr;
  std::string_view session_id;
  std::string_view protocol_version;         // "2025-11-25"
  std::span<const std::string_view> labels;  // what the conversation carries so far
  std::string_view client_name;
  std::string_view client_version;
  std::string_view client_ip;  // textual, empty when unknown (stdio)
  std::string_view server;  // configured name of the upstream, "github"; hooks Message, Reply: of the agent
  std::string_view tool;  // what it is about, as the upstream knows it: tool, prompt, uri, name of the event
  std::string_view args;  // hooks Call, Result: JSON object text; empty: {}
  std::string_view params;  // other hooks: JSON text of the request's params (A2A message, data of an event)
  std::string_view result;  // hooks Result, Reply: JSON text of what came back
  std::string_view definition;  // list hooks, and where known Read and Prompt: JSON text of the definition
  int64_t now_us = 0;           // microseconds since the epoch
  const WindowStore* windows = nullptr;  // what was counted so far; nullptr: nothing
};

}  // namespace catalyst::decision
