#pragma once

#include "compiler/check/check.h"
#include "compiler/check/pack.h"

namespace catalyst::check {

/// Reads the cards of the agents that the pack declares, as far as they say that they are cards.
void load_agents(Pack& pack, const SchemaReader& read);

/// Reads the schemas of all declared servers into the catalogue.
void load_servers(Pack& pack, const SchemaReader& read, SchemaCache* cache);

/// The patterns of a rule or of `hide`, checked against the known servers and, where the hook is about tools,
/// tools.
std::vector<ir::TargetPattern> check_targets(Pack& pack, abi::Hook hook,
                                             const std::vector<ast::TargetPattern>& targets);

/// The tools that these patterns of a rule on `hook` match; none where the hook is not about tools.
const ToolSet& tools_of(Pack& pack, abi::Hook hook, const std::vector<ir::TargetPattern>& patterns);

}  // namespace catalyst::check
