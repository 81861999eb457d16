#pragma once

// Internal to runtime/schema.

#include "runtime/schema/node.h"

namespace catalyst::schema {

/// Applies the graph's first node to the instance.
Outcome evaluate(const Graph& graph, Element instance);

}  // namespace catalyst::schema
