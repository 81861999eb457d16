#include "server/gateway/policy_report.h"

#include "runtime/observe/log.h"

namespace catalyst::server {

using observe::Level;

ReloadOutcome outcome_of(const PolicyReading& reading) {
  ReloadOutcome outcome;
  outcome.diagnostics_json = "[";
  outcome.text = reading.failure;
  if (reading.analysis != nullptr) {
    for (const diagnostics::Diagnostic& diagnostic : reading.analysis->diagnostics.all()) {
      outcome.text +=
          diagnostics::render(reading.analysis->sources, diagnostic, diagnostics::Color::Never) + "\n";
      outcome.diagnostics_json += outcome.diagnostics_json.size() > 1 ? "," : "";
      outcome.diagnostics_json += diagnostics::to_json(reading.analysis->sources, diagnostic);
    }
  }
  outcome.diagnostics_json += "]";
  return outcome;
}

ReloadOutcome failed(const Error& why) {
  ReloadOutcome outcome;
  outcome.text = why.message() + "\n";
  outcome.diagnostics_json = "[]";
  return outcome;
}

void log_failure(const PolicyReading& reading) {
  if (reading.analysis == nullptr) {
    observe::log(Level::Error, "policy not loaded, the old one stays in force",
                 {{"reason", reading.failure}});
    return;
  }
  observe::log(Level::Error, "policy not loaded, the old one stays in force",
               {{"errors", uint64_t{reading.analysis->diagnostics.error_count()}}});
  for (const diagnostics::Diagnostic& diagnostic : reading.analysis->diagnostics.all()) {
    const auto at = diagnostic.span.valid()
                        ? reading.analysis->sources.position(diagnostic.span.file, diagnostic.span.begin)
                        : source::LineColumn{};
    const std::string_view file =
        diagnostic.span.valid() ? reading.analysis->sources.path(diagnostic.span.file) : "";
    observe::log(Level::Error, diagnostic.message,
                 {{"code", diagnostics::info(diagnostic.kind).code},
                  {"file", file},
                  {"line", at.line},
                  {"column", at.column},
                  {"help", diagnostic.fixes.empty() ? std::string_view() : diagnostic.fixes.front().label}});
  }
}

PackStatus status_of(const Policy& policy) {
  PackStatus out;
  out.name = policy.name();
  out.version = policy.version();
  out.tier = policy.tier;
  out.rules = policy.rules();
  out.deployed = policy.id != 0;
  out.digest = policy.digest;
  out.sequence = policy.sequence;
  out.signed_by = policy.signed_by;
  return out;
}

}  // namespace catalyst::server
