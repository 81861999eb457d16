#pragma once

#include "server/gateway/pack_manager.h"
#include "server/gateway/policy.h"

// What is told of a policy: to whoever asked for it, and to the log.

namespace catalyst::server {

/// Mistakes or warnings of a reading; not ok.
ReloadOutcome outcome_of(const PolicyReading& reading);
ReloadOutcome failed(const Error& why);
void log_failure(const PolicyReading& reading);
/// What follows from the policy alone.
PackStatus status_of(const Policy& policy);

}  // namespace catalyst::server
