#pragma once

#include <boost/asio/cancellation_signal.hpp>

#include "runtime/mcp/session.h"

namespace catalyst::mcp {

struct InFlight::Signal {
  asio::cancellation_signal signal;
};

}  // namespace catalyst::mcp
