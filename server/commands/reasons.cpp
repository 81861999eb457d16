#include "server/commands/reasons.h"

namespace catalyst::server {

std::string reason_text(const analysis::Search::Reason& reason, const Sources& sources) {
  const auto found = sources.find(reason.module);
  if (found == sources.end() || !reason.span.valid()) {
    return reason.text;
  }
  const source::LineColumn at = found->second->position(reason.span.file, reason.span.begin);
  return std::string(found->second->path(reason.span.file)) + ":" + std::to_string(at.line) + ":" +
         std::to_string(at.column) + ": " + reason.text;
}

}  // namespace catalyst::server
