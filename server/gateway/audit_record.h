#pragma once

#include <string>

#include "runtime/mcp/observer.h"

namespace catalyst::server {

/// Bytes of arguments and of a result that one audit record keeps; what is longer is cut and marked.
inline constexpr size_t kAuditJsonMax = 64 * 1024;

/// One audit record as a JSON object on one line (docs/audit.md lists the members).
std::string audit_record(const mcp::RequestRecord& record);

}  // namespace catalyst::server
