#pragma once

#include "runtime/decision/evaluation.h"
#include "runtime/decision/explain.h"

namespace catalyst::decision {

/// The route of the call that `verdict` allows, as it is after the verdict's sets; nothing when no route is
/// for it. Ends the life of the verdict.
std::optional<ExplainedRoute> explain_route(Evaluation& evaluation, const Pack& pack, const Request& request,
                                            const Verdict& verdict);

}  // namespace catalyst::decision
