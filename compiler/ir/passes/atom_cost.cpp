#include "compiler/ir/passes/atom_cost.h"

namespace catalyst::ir {

using abi::Atom;

int atom_cost(const Atom& atom) {
  switch (atom.op) {
    case Atom::Op::TargetIs:
      return 0;
    case Atom::Op::SymbolIs:
      return atom.index <= abi::SymbolFeature::kServer ? 0 : 2;
    case Atom::Op::SymbolIn:
      return atom.index <= abi::SymbolFeature::kServer ? 0 : 4;
    case Atom::Op::Required:  // before the masks, which cannot tell an absent set from an empty one
      return 1;
    case Atom::Op::MaskAny:
    case Atom::Op::MaskNone:
      return 2;
    case Atom::Op::SymbolIsNot:
    case Atom::Op::IntMin:
    case Atom::Op::IntMax:
    case Atom::Op::IntIs:
    case Atom::Op::IntIsNot:
    case Atom::Op::Present:
    case Atom::Op::Absent:
      return 3;
    case Atom::Op::SymbolNotIn:
    case Atom::Op::MaskAnyWide:
      return 4;
    case Atom::Op::Prefix:
      return 5;
  }
  return 5;
}

}  // namespace catalyst::ir
