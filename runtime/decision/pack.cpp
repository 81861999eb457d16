#include <atomic>

#include "runtime/decision/engine.h"
#include "runtime/decision/tables.h"

namespace catalyst::decision {

namespace {

uint64_t next_pack_id() {
  static std::atomic<uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

Pack::Tables::Tables(const abi::Unit& unit) : id(next_pack_id()), paths(unit), redactor(unit.redactions) {
  effect_paths.reserve(unit.rules.size());
  for (const abi::RuleInfo& rule : unit.rules) {
    has_rules[static_cast<size_t>(rule.hook)] = true;  // shadow rules count: they are evaluated
    std::vector<std::vector<std::string_view>>& paths_of_rule = effect_paths.emplace_back();
    for (const abi::RuleEffect& effect : rule.effects) {
      redacts[static_cast<size_t>(rule.hook)] |= effect.kind == abi::RuleEffect::Kind::Redact;
      paths_of_rule.emplace_back(effect.path.begin(), effect.path.end());
    }
  }
  for (size_t hook = 0; hook < abi::kHookCount; ++hook) {
    for (const uint32_t index : unit.plans[hook].ranked) {
      const abi::RuleInfo& rule = unit.rules[index];
      briefs[hook].push_back({rule.name.data(), static_cast<uint32_t>(rule.name.size()), index, rule.message,
                              rule.verdict == abi::RuleVerdict::Deny});
    }
  }
  for (const abi::Slot& slot : unit.slots) {
    reads_labels = reads_labels || slot.root == abi::InputRoot::Labels;
  }
  for (size_t hook = 0; hook < abi::kHookCount; ++hook) {
    if (const std::optional<abi::Hook> asked = abi::asked_by(static_cast<abi::Hook>(hook))) {
      const auto by = static_cast<size_t>(*asked);
      derives[hook] = unit.default_deny[by] || !unit.plans[by].hiding.empty();
    }
  }
}

Pack::Pack(std::shared_ptr<const abi::Unit> unit)
    : unit_(std::move(unit)), tables_(std::make_unique<const Tables>(*unit_)) {}

Pack::~Pack() = default;

std::string_view Pack::name() const { return unit_->pack_name; }

std::string_view Pack::version() const { return unit_->pack_version; }

uint32_t Pack::rule_count() const { return static_cast<uint32_t>(unit_->rules.size()); }

std::string_view Pack::rule_name(uint32_t rule) const {
  return rule < unit_->rules.size() ? std::string_view(unit_->rules[rule].name) : std::string_view{};
}

bool Pack::ignores(abi::Hook hook) const {
  const auto h = static_cast<size_t>(hook);
  return !tables_->has_rules[h] && !tables_->derives[h] && !unit_->default_deny[h] && !counts(hook);
}

bool Pack::reads_labels() const { return tables_->reads_labels; }

bool Pack::counts(abi::Hook hook) const { return !unit_->plans[static_cast<size_t>(hook)].windows.empty(); }

bool Pack::has_rules(abi::Hook hook) const { return tables_->has_rules[static_cast<size_t>(hook)]; }

bool Pack::redacts(abi::Hook hook) const { return tables_->redacts[static_cast<size_t>(hook)]; }

size_t Pack::redact(uint32_t pattern, std::string& text) const {
  return tables_->redactor.redact(pattern, text);
}

}  // namespace catalyst::decision
