#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/analysis/witness.h"
#include "compiler/ir/ir.h"
#include "runtime/decision/engine.h"

namespace catalyst::analysis {

/// What the engine does with a request. Owns its texts.
struct Decision {
  decision::Outcome outcome = decision::Outcome::Allow;
  bool hidden = false;
  std::string rule;                  // that decided; "" the default
  bool failed = false;               // it matched because its condition failed
  std::vector<std::string> effects;  // "set call.args.x = 1", "redact ...", sorted

  [[nodiscard]] bool allowed() const { return outcome == decision::Outcome::Allow && !hidden; }
  /// "allow", "deny", "hide".
  [[nodiscard]] const char* verdict() const;
};

/// A pack that examples are tried on: the real engine. One thread.
class Trial {
 public:
  explicit Trial(std::shared_ptr<const ir::Module> module, const source::SourceMap& sources);
  ~Trial();
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  Decision run(const Witness& witness);
  [[nodiscard]] const ir::Module& module() const { return *module_; }
  [[nodiscard]] const decision::Pack& pack() const { return pack_; }

 private:
  std::shared_ptr<const ir::Module> module_;
  decision::Pack pack_;
  decision::Evaluator evaluator_;
};

/// Tells which rules of a pack match a request, at the speed of the index: the pack's rules with their
/// verdicts and effects taken off. One thread.
class Probe {
 public:
  /// `module`'s rules are exchanged while this is made, and back again.
  Probe(const std::shared_ptr<ir::Module>& module, const source::SourceMap& sources);
  /// Rules whose target and condition hold, without error; ascending. Valid until the next call.
  const std::vector<uint32_t>& matches(const Witness& witness);
  /// Rules whose condition failed in that call (the engine tells of sixteen).
  [[nodiscard]] const std::vector<uint32_t>& failed() const { return failed_; }

 private:
  std::shared_ptr<const abi::Unit> unit_;
  decision::Pack pack_;
  decision::Evaluator evaluator_;
  std::vector<uint32_t> matches_;
  std::vector<uint32_t> failed_;
};

}  // namespace catalyst::analysis
