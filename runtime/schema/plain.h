#pragma once

// Internal to runtime/schema.

#include <string_view>

#include "runtime/schema/node.h"

namespace catalyst::schema {

/// Sets Node::plain: no keyword but those that fits_plainly() knows.
void mark_plain(Graph& graph);

/// True: the instance fits. It reads the text once, along the schema, and knows what most arguments of tools
/// are: objects, lists, text in ASCII without escapes, short integers, and schemas that say types, members,
/// bounds, texts to choose from, and forms to choose from. False says nothing: evaluate() decides, and has
/// the reasons.
bool fits_plainly(const Graph& graph, std::string_view instance_json);

}  // namespace catalyst::schema
