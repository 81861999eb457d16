#pragma once

#include <map>
#include <string>

#include "compiler/analysis/search.h"

namespace catalyst::server {

/// Whose text a place of a module is in.
using Sources = std::map<const ir::Module*, const source::SourceMap*>;

/// "policy.cata:3:12: `split` is not followed"
std::string reason_text(const analysis::Search::Reason& reason, const Sources& sources);

}  // namespace catalyst::server
