#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/base/asio.h"
#include "runtime/decision/caller.h"
#include "runtime/mcp/exchange.h"

namespace catalyst::observe {
class Metrics;
}

namespace catalyst::server {

/// What the pack in force says, over REST:
///   GET  /api/v1/decisions         what there is, with JSON Schemas of parameters and results
///   POST /api/v1/decisions/NAME    {"ARGUMENT": VALUE, ...}
///   POST /api/v1/decisions         {"calls": [{"decision": NAME, "arguments": {...}}, ...]}
///   POST /api/v1/evaluate          a request as `catalyst eval --request` reads it; nothing happens because
///   of it
/// `?explain=true` adds which rows decided, and the conditions with values and places. Errors are problem
/// documents (RFC 9457). Runs the compiled unit within the budget of a rule. Stateless; any thread.
class DecisionsApi {
 public:
  struct Options {
    decision::Limits limits;
    uint32_t batch_calls = 100;  // calls that one batch may hold
  };

  DecisionsApi(decision::Engine& engine, observe::Metrics& metrics, const Options& options)
      : engine_(engine), metrics_(metrics), options_(options) {}

  static bool is_ours(std::string_view path);
  /// Who may call is settled before.
  Task<void> handle(mcp::HttpExchange& exchange) const;

 private:
  struct Answer {
    int status = 200;
    std::string body;
  };
  [[nodiscard]] Answer answer(mcp::HttpExchange& exchange) const;
  [[nodiscard]] Answer list(const decision::Pack& pack) const;
  [[nodiscard]] Answer call(const decision::Pack& pack, std::string_view name, std::string_view arguments,
                            decision::Explain explain) const;
  [[nodiscard]] Answer batch(const decision::Pack& pack, std::string_view body,
                             decision::Explain explain) const;
  [[nodiscard]] Answer evaluate(const decision::Pack& pack, std::string_view body,
                                decision::Explain explain) const;

  decision::Engine& engine_;
  observe::Metrics& metrics_;
  const Options& options_;
};

}  // namespace catalyst::server
