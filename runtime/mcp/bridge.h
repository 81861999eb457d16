#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/mcp/envelope.h"
#include "runtime/mcp/upstream.h"

namespace catalyst::mcp {

/// Between which generations a message crosses.
struct Crossing {
  Era client = Era::Legacy;
  Era server = Era::Legacy;
};

/// Results of these methods must carry cache hints in the modern era.
bool is_cacheable(std::string_view method);

/// The changes that turn a client's params into an upstream's.
struct ParamsEdit {
  std::string_view name_json;       // replaces params.name, "" = keep
  std::string_view arguments_json;  // replaces params.arguments
  std::string_view ref_json;        // replaces params.ref
  std::string_view task_json;       // added as params.task
  bool task = false;                // params.task may go on
};

/// params for an upstream of the crossing's server era; nullopt when the client's own bytes serve unchanged.
/// A modern client's per-request keys do not reach a legacy server: it would take them for a claim to speak
/// the modern protocol. `task` is left out unless the server was agreed to make tasks of calls.
std::optional<std::string> bridge_params(const Envelope& envelope, Crossing crossing, const ParamsEdit& edit);

/// A result as the client's era wants it; nullopt when it serves unchanged. `server_info` is added where a
/// modern result lacks it.
std::optional<std::string> bridge_result(std::string_view method, std::string_view result_json,
                                         Crossing crossing, std::string_view server_info);

/// An error as the client's era wants it; nullopt when it serves unchanged.
std::optional<std::string> bridge_error(const Envelope& envelope, std::string_view error_json,
                                        Crossing crossing);

/// A complete modern result made from a gateway's own members ("\"tools\":[...]"); plain {members} for a
/// legacy client.
std::string own_result(std::string_view members, std::string_view method, Era client,
                       std::string_view server_info);

}  // namespace catalyst::mcp
