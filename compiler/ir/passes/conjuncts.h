#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/ir/ir.h"
#include "runtime/abi/plan.h"

namespace catalyst::ir {

/// A necessary condition of a rule over one slot (or the tool), before symbols have numbers.
struct Conjunct {
  enum class Kind : uint8_t {
    Symbol,  // the slot's string is one of `names` (negated: none of them)
    Mask,    // the slot's set holds any of `names` (negated: none of them)
    Part,    // the slot's text may contain any of `names`: only that it does not is certain
    IntMin,  // >= integer
    IntMax,  // <= integer
    IntIs,   // == integer (negated: !=)
    Prefix,  // starts with names[0]
    Present,
    Absent,
    Target,  // integer: the target whose bit must be set
    Tool,    // "server\0tool" is one of `names`
    Server,  // the server is one of `names`
  };
  Kind kind = Kind::Present;
  bool negated = false;
  abi::Atom::OnAbsent absent = abi::Atom::OnAbsent::False;
  uint32_t slot = UINT32_MAX;
  int64_t integer = 0;
  std::vector<std::string> names;
};

struct Conjuncts {
  std::vector<Conjunct> list;
  bool complete = true;  // the conjunction of the list is the condition itself, not only implied by it
};

/// What a rule's condition implies about single slots. Facts are looked into; `or` survives where both sides
/// test the same slot.
Conjuncts find_conjuncts(const Module& module, ExprId condition);

/// The conjunct of a target: one on tool or server names where its patterns are plain, nothing for
/// everything, else its bit.
/// `*servers` are the servers of a target that is tested by its bit and names its servers literally.
std::vector<Conjunct> target_conjuncts(const Target& target, uint32_t index,
                                       std::vector<std::string>* servers);

}  // namespace catalyst::ir
