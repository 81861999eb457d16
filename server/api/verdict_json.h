#pragma once

#include <string>

#include "runtime/decision/engine.h"

namespace catalyst::server {

/// The verdict as a JSON document, indented.
std::string verdict_json(const decision::Verdict& verdict, const decision::Pack& pack);
/// The verdict in a few lines for a person, with a final newline.
std::string verdict_text(const decision::Verdict& verdict, const decision::Pack& pack);

}  // namespace catalyst::server
