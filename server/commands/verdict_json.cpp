#include "server/commands/verdict_json.h"

#include <nlohmann/json.hpp>

namespace catalyst::server {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kAuditLevels[] = {"none", "metadata", "full"};

std::string rule_of(const decision::Pack& pack, uint32_t rule) {
  return rule < pack.rule_count() ? std::string(pack.rule_name(rule)) : std::string();
}

std::string joined(std::span<const std::string_view> path) {
  std::string out;
  for (const std::string_view segment : path) {
    out += (out.empty() ? "" : ".") + std::string(segment);
  }
  return out;
}

std::string outcome_text(const decision::Verdict& verdict) {
  if (verdict.hidden) {
    return "hide";
  }
  return verdict.outcome == decision::Outcome::Deny ? "deny" : "allow";
}

}  // namespace

std::string verdict_json(const decision::Verdict& verdict, const decision::Pack& pack) {
  Json out = {{"verdict", outcome_text(verdict)},
              {"rule", verdict.rule_name.empty() ? Json(nullptr) : Json(verdict.rule_name)},
              {"message", verdict.message},
              {"audit", kAuditLevels[static_cast<size_t>(verdict.audit)]},
              {"sets", Json::array()},
              {"redactions", Json::array()},
              {"tags", Json::object()},
              {"errors", Json::array()}};
  for (const decision::SetEffect& effect : verdict.sets) {
    out["sets"].push_back({{"path", joined(effect.path)},
                           {"value", Json::parse(effect.json, nullptr, false)},
                           {"rule", rule_of(pack, effect.rule)}});
  }
  for (const decision::RedactEffect& effect : verdict.redactions) {
    out["redactions"].push_back({{"path", joined(effect.path)},
                                 {"patterns", effect.patterns.size()},
                                 {"rule", rule_of(pack, effect.rule)}});
  }
  for (const decision::TagEffect& tag : verdict.tags) {
    out["tags"][std::string(tag.key)] = tag.value;
  }
  for (const decision::RuleError& failure : verdict.errors) {
    out["errors"].push_back(
        {{"rule", rule_of(pack, failure.rule)}, {"error", value::status_name(failure.status)}});
  }
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string verdict_text(const decision::Verdict& verdict, const decision::Pack& pack) {
  std::string out = outcome_text(verdict);
  out += verdict.rule_name.empty() ? " (default)" : " by " + std::string(verdict.rule_name);
  out += "\n";
  if (!verdict.message.empty()) {
    out += "  message  " + std::string(verdict.message) + "\n";
  }
  for (const decision::SetEffect& effect : verdict.sets) {
    out += "  set      " + joined(effect.path) + " = " + std::string(effect.json) + "  (" +
           rule_of(pack, effect.rule) + ")\n";
  }
  for (const decision::RedactEffect& effect : verdict.redactions) {
    out += "  redact   " + joined(effect.path) + "  (" + rule_of(pack, effect.rule) + ")\n";
  }
  for (const decision::TagEffect& tag : verdict.tags) {
    out += "  tag      " + std::string(tag.key) + " = " + std::string(tag.value) + "\n";
  }
  if (verdict.audit != decision::AuditLevel::None) {
    out += "  audit    " + std::string(kAuditLevels[static_cast<size_t>(verdict.audit)]) + "\n";
  }
  for (const decision::RuleError& failure : verdict.errors) {
    out += "  error    " + std::string(value::status_name(failure.status)) + " in " +
           rule_of(pack, failure.rule) + "\n";
  }
  return out;
}

}  // namespace catalyst::server
