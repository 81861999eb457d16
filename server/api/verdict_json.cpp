#include "server/api/verdict_json.h"

#include <nlohmann/json.hpp>

#include "runtime/abi/unit.h"
#include "runtime/decision/explain.h"

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

void add_named(Json& out, const char* member, std::span<const decision::NamedEffect> effects,
               const decision::Pack& pack) {
  for (const decision::NamedEffect& effect : effects) {
    Json one = {{"name", effect.name}, {"rule", rule_of(pack, effect.rule)}};
    if (!effect.json.empty()) {
      one["data"] = Json::parse(effect.json, nullptr, false);
    }
    out[member].push_back(std::move(one));
  }
}

void append_named(std::string& out, const char* word, std::span<const decision::NamedEffect> effects,
                  const decision::Pack& pack) {
  for (const decision::NamedEffect& effect : effects) {
    out += std::string("  ") + word + std::string(effect.name) + (effect.json.empty() ? "" : " ") +
           std::string(effect.json) + "  (" + rule_of(pack, effect.rule) + ")\n";
  }
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
  add_named(out, "emits", verdict.emits, pack);
  add_named(out, "starts", verdict.starts, pack);
  add_named(out, "labels", verdict.labels, pack);
  for (const decision::LimitEffect& limit : verdict.limits) {
    out["limits"].push_back({{"count", limit.count},
                             {"per_ms", limit.per_us / 1000},
                             {"burst", limit.burst},
                             {"key", limit.key},
                             {"rule", rule_of(pack, limit.rule)}});
  }
  for (const decision::RequireEffect& required : verdict.requirements) {
    out["requires"].push_back({{"what", required.what},
                               {"role", required.role},
                               {"within_ms", required.within_us / 1000},
                               {"rule", rule_of(pack, required.rule)}});
  }
  if (verdict.description.data() != nullptr) {
    out["description"] = verdict.description;
  }
  for (const decision::WindowEvent& event : verdict.counted) {
    out["counted"].push_back({{"window", pack.unit().windows[event.window].name}, {"key", event.key}});
  }
  if (!verdict.route.empty()) {
    out["route"] = verdict.route;
  }
  for (const uint32_t rule : verdict.shadows) {
    out["shadows"].push_back(rule_of(pack, rule));
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
  out += verdict.requirements.empty() ? "\n" : ", held back without what it requires\n";
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
  append_named(out, "emit     ", verdict.emits, pack);
  append_named(out, "start    ", verdict.starts, pack);
  append_named(out, "label    ", verdict.labels, pack);
  for (const decision::LimitEffect& limit : verdict.limits) {
    out += "  limit    " + decision::limit_text(limit) + "  (" + rule_of(pack, limit.rule) + ")\n";
  }
  for (const decision::RequireEffect& required : verdict.requirements) {
    out +=
        "  require  " + decision::requirement_text(required) + "  (" + rule_of(pack, required.rule) + ")\n";
  }
  if (verdict.description.data() != nullptr) {
    out += "  describe \"" + std::string(verdict.description) + "\"\n";
  }
  for (const decision::WindowEvent& event : verdict.counted) {
    out +=
        "  counts   " + pack.unit().windows[event.window].name + " for \"" + std::string(event.key) + "\"\n";
  }
  if (!verdict.route.empty()) {
    out += "  route    " + std::string(verdict.route) + "\n";
  }
  for (const uint32_t rule : verdict.shadows) {
    out += "  shadow   " + rule_of(pack, rule) + " matched\n";
  }
  for (const decision::RuleError& failure : verdict.errors) {
    out += "  error    " + std::string(value::status_name(failure.status)) + " in " +
           rule_of(pack, failure.rule) + "\n";
  }
  return out;
}

}  // namespace catalyst::server
