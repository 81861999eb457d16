#pragma once

#include <string>

#include "runtime/decision/caller.h"

namespace catalyst::server {

/// What came of calling a decision, as one JSON document.
std::string call_json(const std::string& name, const decision::CallResult& result, const decision::Pack& pack,
                      decision::Explain explain);
/// The same in lines for a person, with a final newline.
std::string call_text(const std::string& name, const decision::CallResult& result, const decision::Pack& pack,
                      decision::Explain explain);

}  // namespace catalyst::server
