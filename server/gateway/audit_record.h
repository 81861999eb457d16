#pragma once

#include <string>

#include "runtime/mcp/observer.h"

namespace catalyst::server {

/// Bytes of arguments and of a result that one audit record keeps; what is longer is cut and marked.
inline constexpr size_t kAuditJsonMax = 64 * 1024;

/// Appends one audit record as a JSON object without line breaks (docs/operations.md, "Audit", lists the
/// members).
void append_audit_record(std::string& line, const mcp::RequestRecord& record);

}  // namespace catalyst::server
