#include "server/gateway/shadow_report.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <tuple>
#include <utility>

#include "runtime/abi/unit.h"

namespace catalyst::server {
namespace {

std::string joined(std::span<const std::string_view> path) {
  std::string out;
  for (const std::string_view part : path) {
    out.append(out.empty() ? "" : ".").append(part);
  }
  return out;
}

std::string redaction_text(const decision::Pack& pack, const decision::RedactEffect& effect) {
  std::string out;
  for (const uint32_t pattern : effect.patterns) {
    out.append(out.empty() ? "" : ", ").append(pack.unit().redactions[pattern].name);
  }
  const std::string path = joined(effect.path);
  const std::string root = effect.place == abi::RedactPlace::Result ? "result" : "params";
  return out + (out.empty() ? "" : " in ") + root + (path.empty() ? "" : "." + path);
}

}  // namespace

std::string verdict_in_words(const decision::Pack& pack, const decision::Verdict& verdict) {
  std::string out = verdict.hidden ? "hide" : verdict.outcome == decision::Outcome::Deny ? "deny" : "allow";
  if (!verdict.rule_name.empty()) {
    out.append(" by ").append(verdict.rule_name);
  }
  for (const decision::SetEffect& effect : verdict.sets) {
    out.append(", sets ").append(joined(effect.path));
  }
  for (const decision::RedactEffect& effect : verdict.redactions) {
    out.append(", redacts ").append(redaction_text(pack, effect));
  }
  return out;
}

bool same_effect(const decision::Pack& a_pack, const decision::Verdict& a, const decision::Pack& b_pack,
                 const decision::Verdict& b) {
  if (a.outcome != b.outcome || a.hidden != b.hidden) {
    return false;
  }
  if (a.outcome == decision::Outcome::Deny || a.hidden) {
    return true;  // nothing else happens
  }
  return std::equal(a.sets.begin(), a.sets.end(), b.sets.begin(), b.sets.end(),
                    [](const auto& x, const auto& y) {
                      return x.json == y.json &&
                             std::equal(x.path.begin(), x.path.end(), y.path.begin(), y.path.end());
                    }) &&
         std::equal(a.redactions.begin(), a.redactions.end(), b.redactions.begin(), b.redactions.end(),
                    [&](const auto& x, const auto& y) {
                      return redaction_text(a_pack, x) == redaction_text(b_pack, y);
                    });
}

struct ShadowReport::Impl {
  using Key = std::tuple<std::string, std::string, std::string, std::string, std::string>;

  std::atomic<uint64_t> compared{0};
  std::atomic<uint64_t> different{0};
  mutable std::mutex mutex;  // guards what follows
  std::string pack;
  std::map<Key, ShadowGroup> groups;
};

ShadowReport::ShadowReport() : impl_(std::make_unique<Impl>()) {}
ShadowReport::~ShadowReport() = default;

void ShadowReport::begin(const std::string& pack) {
  const std::lock_guard lock(impl_->mutex);
  impl_->pack = pack;
  impl_->groups.clear();
  impl_->compared = 0;
  impl_->different = 0;
}

void ShadowReport::compare(const decision::Pack& deciding, const decision::Verdict& before,
                           const decision::Pack& shadow, const decision::Verdict& after,
                           const decision::Request& request) {
  impl_->compared.fetch_add(1, std::memory_order_relaxed);
  if (same_effect(deciding, before, shadow, after)) {
    return;
  }
  impl_->different.fetch_add(1, std::memory_order_relaxed);
  ShadowGroup group;
  group.hook = abi::hook_name(request.hook);
  group.server = request.server;
  group.tool = request.tool;
  group.before = verdict_in_words(deciding, before);
  group.after = verdict_in_words(shadow, after);
  const std::lock_guard lock(impl_->mutex);
  Impl::Key key{group.hook, group.server, group.tool, group.before, group.after};
  if (impl_->groups.size() >= kGroupsMax && impl_->groups.count(key) == 0) {
    key = {};
    group.hook = group.server = group.tool = group.before = group.after = "(others)";
  }
  ShadowGroup& kept = impl_->groups.try_emplace(std::move(key), std::move(group)).first->second;
  kept.count++;
  kept.last_principal = request.principal->id;
  kept.last_at_us = request.now_us;
}

ShadowReport::Totals ShadowReport::totals() const {
  const std::lock_guard lock(impl_->mutex);
  return {impl_->pack, impl_->compared.load(), impl_->different.load()};
}

std::vector<ShadowGroup> ShadowReport::groups() const {
  std::vector<ShadowGroup> out;
  {
    const std::lock_guard lock(impl_->mutex);
    for (const auto& [key, group] : impl_->groups) {
      out.push_back(group);
    }
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return std::tie(b.count, a.server, a.tool, a.after) < std::tie(a.count, b.server, b.tool, b.after);
  });
  return out;
}

}  // namespace catalyst::server
