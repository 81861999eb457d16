#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/abi/symbol_table.h"
#include "runtime/value/text_parts.h"

// How rules are found without asking each of them (see runtime/decision/README.md). Filled by
// compiler/ir/passes/plan from the module, read by the packed tier in runtime/decision and by the native
// tier, which turns buckets into functions.

namespace catalyst::abi {

struct Frame;

inline constexpr uint32_t kNoRank = UINT32_MAX;

/// A string-valued input that atoms test: Frame::symbols[i] of feature i. Features 0 and 1 are not slots: the
/// exact tool
/// ("server\0tool") and the server of the request.
struct SymbolFeature {
  static constexpr uint32_t kTool = 0;
  static constexpr uint32_t kServer = 1;
  uint32_t slot = UINT32_MAX;
  SymbolTable table;
};

/// A set- or list-valued input of strings: bits Frame::masks[word..word + words) say which of the table's
/// strings it holds. Or a text: which of `parts` it may contain. It surely contains no others, and those who
/// need to know for sure have a residual.
struct MaskFeature {
  uint32_t slot = UINT32_MAX;
  uint32_t word = 0;
  uint32_t words = 0;
  SymbolTable table;                              // of a set
  std::shared_ptr<const value::TextParts> parts;  // of a text; shared between copies of a unit
};

/// One necessary condition of a rule, cheap enough to test in place. None of them fails: `absent` says what
/// an absent input means.
struct Atom {
  enum class Op : uint8_t {
    SymbolIs,     // symbols[index] == value
    SymbolIsNot,  // symbols[index] != value
    SymbolIn,  // value: offset in Index::bits of a bit set over the feature's table, whose first word is its
               // number of words
    SymbolNotIn,
    MaskAny,      // masks[index] & value
    MaskNone,     // no bit of value in masks[index]
    MaskAnyWide,  // value: offset in Index::bits: number of words, then words; index: first word in masks
    TargetIs,     // bit `value` of targets[index]: the rule's tool pattern matches the request's tool
    IntMin,       // slots[index] >= value, as int, time, duration or bool
    IntMax,       // slots[index] <= value
    IntIs,        // slots[index] == value
    IntIsNot,     // slots[index] != value
    Prefix,  // slots[index] starts with the text at value >> 32, of value & 0xffffffff bytes, in Index::text
    Required,  // slots[index] is present; absent: what is behind means nothing, Frame::decide_rule decides
    Present,   // slots[index] is present
    Absent,    // slots[index] is absent
  };
  /// What an absent input makes of the atom. Exact: the whole condition must be evaluated (it is Missing,
  /// unless another part is false).
  enum class OnAbsent : uint8_t { False, True, Exact };

  Op op = Op::SymbolIs;
  OnAbsent absent = OnAbsent::False;
  uint16_t reserved = 0;
  uint32_t index = 0;
  uint64_t value = 0;
};
static_assert(sizeof(Atom) == 16);

/// Head of a rule inside a bucket; `atoms` Atoms follow. A bucket ends with a head whose rank is kNoRank.
struct RuleHead {
  uint32_t rank = kNoRank;
  uint16_t atoms = 0;
  uint16_t residual =
      0;  // 1: when all atoms hold, the condition expression decides; 0: the atoms are the whole condition
  uint32_t rule = 0;  // index in Unit::rules
  uint32_t reserved = 0;
};
static_assert(sizeof(RuleHead) == sizeof(Atom));

/// 16 bytes of a bucket's code.
union Cell {
  RuleHead head;
  Atom atom;
  Cell() : head() {}
};
static_assert(sizeof(Cell) == 16);

/// The best rank after scanning one bucket: the first rule of the bucket with a rank below `best` that
/// matches, else `best`. Only called with a `best` above the bucket's first rank. A rule whose atoms answer
/// Exact, or that has a residual, is put to Frame::decide_rule. That of a tool goes on with the one of its
/// server, where there is one, and answers for both.
using BucketFunction = uint32_t (*)(Frame* frame, uint32_t best) noexcept;

struct BucketRef {
  BucketFunction native = nullptr;  // nullptr: packed
  uint32_t begin = 0;               // cell in Index::code
  uint32_t first_rank = kNoRank;    // of the bucket's first rule; kNoRank: empty
};

/// The buckets of one feature: symbol (or bit) i of the feature opens buckets[i].
struct Anchor {
  enum class Kind : uint8_t { Symbol, Mask };
  Kind kind = Kind::Symbol;
  uint32_t feature = 0;  // in Unit::symbol_features or Unit::mask_features
  std::vector<BucketRef> buckets;
};

/// Rules filed under their most selective equality, strongest rank first in each bucket.
struct Index {
  BucketRef always;  // rules without an equality
  std::vector<Anchor> anchors;
  std::vector<Cell> code;
  std::vector<uint64_t> bits;
  std::string text;
};

/// How the rules of one hook are decided.
struct HookPlan {
  std::vector<uint32_t> ranked;    // rank -> rule index: denies, allows, the rest; declaration order inside
  Index decide;                    // rules that only decide: the lowest rank wins, scanning stops there
  Index collect;                   // rules with effects: every one that matches counts
  std::vector<uint32_t> shadow;    // rule indexes: evaluated for the report, in no index
  std::vector<uint32_t> hiding;    // ranks of denies that can hold whatever the request's content is
  std::vector<uint32_t> allowing;  // ranks of allows
  std::vector<uint32_t> symbol_features;  // features that this hook's atoms test, besides kTool and kServer
  std::vector<uint32_t> mask_features;
  std::vector<std::vector<uint32_t>> target_slots;  // per target: slots that this hook's rules and windows
                                                    // with the target read
  std::vector<uint32_t> windows;                    // that count requests of this hook
};

}  // namespace catalyst::abi
