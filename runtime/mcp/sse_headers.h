#pragma once

#include "runtime/mcp/exchange.h"

namespace catalyst::mcp {

/// Of every event stream; the HTTP side adds X-Accel-Buffering.
inline constexpr Header kSseHeaders[] = {{"Content-Type", "text/event-stream"},
                                         {"Cache-Control", "no-cache"}};

}  // namespace catalyst::mcp
