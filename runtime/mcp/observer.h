#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "runtime/abi/hook.h"
#include "runtime/decision/verdict.h"
#include "runtime/mcp/route_ask.h"
#include "runtime/mcp/upstream.h"

namespace catalyst::decision {
class Pack;
}

namespace catalyst::mcp {

/// What the rules said about a request as a whole.
enum class Ruling : uint8_t {
  None,  // no rule was asked: not a tool call
  Allow,
  Deny,
  Hidden,  // refused as unknown, since a rule hides the tool
};

struct ObservedError {
  abi::Hook hook = abi::Hook::Call;
  uint32_t rule = 0;
  value::Status status = value::Status::Ok;
  uint32_t expr = 0;
};

struct ObservedTag {
  std::string key;
  std::string value;
};

/// `emit` and `start`: for whoever listens.
struct ObservedEvent {
  bool starts = false;  // a workflow rather than an event
  std::string name;
  std::string json;  // "": no data
  uint32_t rule = 0;
  bool unheard = false;  // the chain of events was too long: no rule on events was asked
};

/// As proxies log a client that went away; never sent.
inline constexpr int kCancelledStatus = 499;

/// One finished request. Views and pointers live for the call of on_request only.
struct RequestRecord {
  std::string_view request_id;
  std::string_view trace_id;
  std::string_view principal;  // its id
  std::string_view peer;
  std::string_view session_id;
  std::string_view protocol_version;
  std::string_view method;  // JSON-RPC method, "" when the message could not be read
  std::string_view server;  // configured name of the upstream, "" when none was involved
  std::string_view tool;    // tool, prompt or resource, as the upstream knows it
  Era era = Era::Legacy;

  const decision::Pack* pack = nullptr;  // the pack that decided; nullptr when none was asked
  Ruling ruling = Ruling::None;
  abi::Hook hook = abi::Hook::Call;            // where it was decided
  uint32_t rule = decision::Verdict::kNoRule;  // index in `pack`; kNoRule: the default
  std::string_view rule_name;
  std::span<const ObservedError> errors;
  decision::AuditLevel audit = decision::AuditLevel::None;
  std::span<const ObservedTag> tags;
  std::span<const ObservedEvent> events;
  std::span<const uint32_t> shadows;  // shadow rules that matched
  uint32_t sets = 0;                  // arguments rewritten
  uint32_t redactions = 0;            // redactions applied to the result
  std::string_view arguments;         // audit Full: what was sent upstream, JSON
  const RouteTrace* route = nullptr;  // how the call found its target; nullptr where there is no choice
  std::string_view failure;           // why there was no answer, for logs; "" otherwise
  std::string_view result;            // audit Full: what went back, after redaction, JSON

  int http_status = 0;   // kCancelledStatus: nobody waited for an answer
  int error_code = 0;    // JSON-RPC, 0 = a result
  int64_t start_us = 0;  // since the epoch
  int64_t decision_ns = 0;
  int64_t upstream_ns = 0;
  int64_t total_ns = 0;
  size_t request_bytes = 0;
  size_t response_bytes = 0;
};

/// Sees every finished request, for metrics, logs and audit. Called on the connection's thread, concurrently
/// from several threads; must not block or throw.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_request(const RequestRecord& record) noexcept = 0;
};

}  // namespace catalyst::mcp
