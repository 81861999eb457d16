#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/abi/unit.h"
#include "runtime/base/arena.h"
#include "runtime/decision/binding.h"
#include "runtime/decision/canonical_json.h"
#include "runtime/decision/engine.h"
#include "runtime/decision/project.h"
#include "runtime/decision/route.h"
#include "runtime/decision/tables.h"

namespace catalyst::decision {

/// A rule of the current hook that matched. `status` is not Ok when it matched because its condition failed.
struct Match {
  uint32_t rank = 0;
  value::Status status = value::Status::Ok;
  uint32_t expr = 0;
};

/// A rule that denies the request because it failed gives no verdict of its own.
inline bool gives_verdict(const abi::RuleInfo& rule, const Match& match) {
  return rule.verdict == abi::RuleVerdict::Deny ||
         (rule.verdict == abi::RuleVerdict::Allow && match.status == value::Status::Ok);
}

/// Symbols of principals that came with a cache_key: looked up once a principal and unit. One thread; a fixed
/// number of places, where a newcomer takes the place of an older one.
class PrincipalCache {
 public:
  void prepare(const abi::Unit& unit, uint32_t places);
  /// Writes the principal's symbols and masks; false when a set is too long for masks.
  bool fill(const Principal& principal, int32_t* symbols, uint64_t* masks);

 private:
  bool read(const Principal& principal, size_t place);

  const abi::Unit* unit_ = nullptr;
  std::vector<uint32_t> symbol_features_;  // over id and tenant
  std::vector<uint32_t> mask_features_;    // over roles
  size_t mask_words_ = 0;
  std::vector<uint64_t> keys_;  // 0: free
  std::vector<int32_t> symbols_;
  std::vector<uint64_t> masks_;
};

/// A request of a list hook as one of the hook by which the listed thing is asked for, without content.
Request asked_request(const Request& listed);
/// True when rules of that hook can hide what is listed.
bool is_derived(const Pack& pack, const Request& request);

/// Sets longer than this are decided exactly: walking them costs fuel that counts.
inline constexpr uint32_t kMaskItemsMax = 256;
/// So many texts of Evaluation::parts_bytes_max_ can be searched on the fuel of one condition.
inline constexpr int64_t kScansOnFuel = 64;

/// The state of one evaluation and what is kept between evaluations: the inside of an Evaluator. One thread.
class Evaluation {
 public:
  explicit Evaluation(const Limits& limits);
  Evaluation(const Evaluation&) = delete;
  Evaluation& operator=(const Evaluation&) = delete;

  enum class Mode : uint8_t { Indexed, Reference };
  const Verdict& run(const Pack& pack, const Request& request, Mode mode);
  const Verdict& run_values(const Pack& pack, const Request& request, std::span<const value::Value> slots,
                            Mode mode);

  /// Reads the request into the frame: what run() starts with, and all that explain() needs. True when a
  /// selected slot is Invalid.
  bool load(const Pack& pack, const Request& request);

  /// See Evaluator::route.
  const RouteChoice* route(const Pack& pack, const Request& request, std::string_view named, Mode mode);
  /// See Evaluator::counted.
  std::span<const WindowEvent> counted(const Pack& pack, const Request& request);

  /// What abi::ExprEvaluator::partial says of a rule's condition. The request must have been loaded.
  [[nodiscard]] abi::Truth whatever_is_asked(const abi::RuleInfo& rule);

  [[nodiscard]] abi::Frame& frame() { return frame_; }
  [[nodiscard]] bool target_matches(uint32_t target) const {
    return (frame_.targets[target >> 6] >> (target & 63) & 1) != 0;
  }
  void refuel() { frame_.fuel = frame_.fuel_limit; }
  /// Forgets what facts evaluated to.
  void forget_facts();

 private:
  void prepare(const Pack& pack);
  /// Hidden since no content of a request could be allowed, by the rule or by default.
  struct Derived {
    bool hidden = false;
    uint32_t rule = Verdict::kNoRule;
  };
  Derived derive_listing(const Pack& pack, const Request& request);
  /// Everything of load() but the inputs.
  const HookBinding& begin(const Pack& pack, const Request& request);
  const Verdict& decide(bool exact, Mode mode, const HookBinding& tool);
  /// Fills the slots of windows; true when one of them is Invalid.
  bool read_windows(const Request& request, const HookBinding& tool);
  /// False when the slot is Invalid.
  bool read_window(const Request& request, const abi::WindowRead& read);
  void count_windows(const HookBinding& tool);
  /// The text of a key or of what is told apart; nothing when it cannot be known.
  std::optional<std::string_view> window_text(uint32_t expr);
  /// Looks up the symbols of the slots; false when a set is too long for that. First who asks, as soon as
  /// that is known: what is to be scanned for it comes from memory while the rest is read.
  bool intern_principal(const HookBinding& tool);
  bool intern_rest(const HookBinding& tool);
  void intern_symbols(std::span<const SymbolRead> reads);
  bool intern_sets(std::span<const SetRead> reads);
  bool intern_set(const SetRead& read);
  void intern_parts(const SetRead& read);
  /// What is known to be scanned as soon as the tool is known, and the symbols.
  void fetch_references(const HookBinding& tool) const;
  void fetch_ahead(const HookBinding& tool);
  void fetch_buckets(std::span<const SymbolRead> reads);
  void scan_all(const HookBinding& tool);
  void collect_all(const HookBinding& tool);
  void collect_bucket(const abi::Index& index, const abi::BucketRef& bucket);
  void decide_in_order();
  void decide_indexed(const HookBinding& tool);
  /// Evaluates the whole condition of a rule whose target matches; a match goes to `*match`.
  bool holds(uint32_t rank, Match* match);
  static int32_t decide_rule(abi::Frame* frame, uint32_t rank) noexcept;
  void note_error(uint32_t rank, value::Status status, uint32_t expr);

  void conclude();
  void conclude_effects();
  void apply_effects(const Match& match);
  void apply_set(const Match& match, const abi::RuleEffect& effect, uint32_t effect_index);
  void apply_tag(const Match& match, const abi::RuleEffect& effect);
  void apply_limit(const Match& match, const abi::RuleEffect& effect);
  void apply_describe(const Match& match, const abi::RuleEffect& effect);
  void apply_require(uint32_t rule, const abi::RuleEffect& effect);
  void apply_named(const Match& match, const abi::RuleEffect& effect, std::vector<NamedEffect>& out);
  void ask_shadows(const HookBinding& tool);
  void decide_default();
  void say_message(uint32_t message);
  void finish_errors();
  value::Status evaluate(uint32_t expr, value::Value* out);

  // route_choice.cpp
  bool find_route(const abi::Unit& unit, std::string_view named);
  void note_route_error(value::Status status);
  void ask_prefers();
  void ask_hash();
  bool build_cache_key(const Request& request);
  bool append_key_part(uint32_t expr, const Request& request);

  Limits limits_;
  Arena arena_;
  Projector projector_;
  ToolCache tools_;
  PrincipalCache principals_;
  uint64_t pack_id_ = 0;
  int64_t parts_bytes_max_ = 0;  // of a text whose parts are looked for ahead; below 0: of none

  std::vector<value::Value> slots_;
  std::vector<value::Value> facts_;
  std::vector<int32_t> fact_status_;
  std::vector<uint32_t> fact_error_;
  std::vector<int32_t> symbols_;
  std::vector<uint64_t> masks_;
  struct OwnedFrame : abi::Frame {
    Evaluation* owner = nullptr;
  };
  OwnedFrame frame_;

  // of the request at hand
  const Pack* pack_ = nullptr;
  const abi::Unit* unit_ = nullptr;
  const abi::HookPlan* plan_ = nullptr;
  const Pack::Tables::Brief* briefs_ = nullptr;  // of the hook, by rank
  const abi::ExprEvaluator* evaluator_ = nullptr;
  const ToolBinding* tool_ = nullptr;
  const ToolClass* last_class_ = nullptr;  // of tool_
  const Principal* who_ = nullptr;         // nullptr: nobody is known
  const Principal* principal_ = nullptr;   // when its symbols may be remembered
  bool knows_principal_ = false;           // its symbols are there
  Match exact_;                            // last rule that decide_rule found to match
  Match best_;                             // of the rules with a verdict; rank kNoRank: none matched
  uint32_t asked_rank_ = 0;                // rules without effects were asked up to this rank
  Match broken_;                           // strongest rule that failed so that the request must not pass
  std::vector<Match> collected_;           // rules with effects that matched
  struct RankedError {
    uint32_t rank;
    RuleError error;
  };
  std::vector<RankedError> ranked_errors_;

  Verdict verdict_;
  std::vector<SetEffect> sets_;
  std::vector<std::pair<size_t, size_t>> set_texts_;  // of sets_, in text_
  std::string text_;
  std::string scratch_text_;
  std::vector<RedactEffect> redactions_;
  std::vector<TagEffect> tags_;
  std::vector<NamedEffect> emits_;
  std::vector<NamedEffect> starts_;
  std::vector<NamedEffect> labels_;
  std::vector<LimitEffect> limits_of_rules_;
  std::vector<RequireEffect> requirements_;
  std::vector<WindowEvent> counted_;
  std::vector<uint32_t> shadows_;
  std::vector<RuleError> errors_;

  std::vector<SlotSelection> route_slots_;  // one per route of the unit
  RouteChoice choice_;
  std::vector<RouteError> route_errors_;
  std::string cache_key_;
  CanonicalJson canonical_;
};

}  // namespace catalyst::decision
