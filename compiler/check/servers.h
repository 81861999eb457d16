#pragma once

#include "compiler/check/check.h"
#include "compiler/check/pack.h"

namespace catalyst::check {

/// Reads the schemas of all declared servers into the catalogue.
void load_servers(Pack& pack, const SchemaReader& read, SchemaCache* cache);

/// The patterns of a rule or of `hide`, checked against the known servers and tools.
std::vector<ir::TargetPattern> check_targets(Pack& pack, const std::vector<ast::TargetPattern>& targets);

}  // namespace catalyst::check
