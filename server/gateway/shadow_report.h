#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/decision/engine.h"

namespace catalyst::server {

/// One kind of difference: where, and from what to what.
struct ShadowGroup {
  std::string hook;  // "call", "list tools", "session"
  std::string server;
  std::string tool;
  std::string before;  // "allow", "deny by no_credentials", "allow, 1 redaction by mask"
  std::string after;
  uint64_t count = 0;
  std::string last_principal;
  int64_t last_at_us = 0;
};

/// Holds what decided against what a shadow would have decided. Any thread; a lock is taken for differences
/// alone.
class ShadowReport {
 public:
  static constexpr size_t kGroupsMax = 1000;  // further kinds are counted together

  ShadowReport();
  ~ShadowReport();

  /// Another pack is compared from now on: counting begins anew.
  void begin(const std::string& pack);
  void compare(const decision::Pack& deciding, const decision::Verdict& before, const decision::Pack& shadow,
               const decision::Verdict& after, const decision::Request& request);

  struct Totals {
    std::string pack;
    uint64_t compared = 0;
    uint64_t different = 0;
  };
  [[nodiscard]] Totals totals() const;
  /// The most frequent first.
  [[nodiscard]] std::vector<ShadowGroup> groups() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// "deny by RULE", "allow, sets args.tenant", ...: what a verdict does, without what it says.
std::string verdict_in_words(const decision::Pack& pack, const decision::Verdict& verdict);
/// Do two verdicts of different packs do the same? The names of rules do not matter.
bool same_effect(const decision::Pack& a_pack, const decision::Verdict& a, const decision::Pack& b_pack,
                 const decision::Verdict& b);

}  // namespace catalyst::server
