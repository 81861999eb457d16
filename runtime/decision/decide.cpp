// The packed tier: buckets of rules, each a run of cells, scanned in place.

#include <algorithm>
#include <bit>
#include <cstring>

#include "runtime/decision/evaluation.h"

namespace catalyst::decision {

namespace {

using abi::Atom;
using abi::Cell;
using abi::Frame;
using value::Kind;
using value::Value;

/// Unclear: true unless another atom says no. Ask: the atoms behind mean nothing.
enum class Held : uint8_t { No, Yes, Unclear, Ask };

Held when_absent(const Atom& atom) {
  switch (atom.absent) {
    case Atom::OnAbsent::False:
      return Held::No;
    case Atom::OnAbsent::True:
      return Held::Yes;
    case Atom::OnAbsent::Exact:
      return Held::Unclear;
  }
  return Held::Unclear;
}

Held held(bool truth) { return truth ? Held::Yes : Held::No; }

bool symbol_in(const uint64_t* set, int32_t symbol) {
  return symbol >= 0 && static_cast<uint64_t>(symbol) < set[0] * 64 &&
         (set[1 + (static_cast<uint32_t>(symbol) >> 6)] >> (symbol & 63) & 1) != 0;
}

bool any_wide(const uint64_t* set, const uint64_t* mask) {
  for (uint64_t i = 0; i < set[0]; ++i) {
    if ((set[1 + i] & mask[i]) != 0) {
      return true;
    }
  }
  return false;
}

template <class Compare>
Held compare_int(const Frame& frame, const Atom& atom, Compare compare) {
  const Value& v = frame.slots[atom.index];
  if (v.kind == Kind::Absent) {
    return when_absent(atom);
  }
  return held(compare(v.a.integer, static_cast<int64_t>(atom.value)));
}

template <class Test>
Held test_symbol(const Frame& frame, const Atom& atom, Test test) {
  const int32_t symbol = frame.symbols[atom.index];
  if (symbol == abi::kSymbolAbsent) {
    return when_absent(atom);
  }
  return held(test(symbol));
}

inline Held test(const Atom& atom, const Frame& frame, const abi::Index& index) {
  switch (atom.op) {
    case Atom::Op::SymbolIs:
      return test_symbol(frame, atom, [&](int32_t s) { return s == static_cast<int32_t>(atom.value); });
    case Atom::Op::SymbolIsNot:
      return test_symbol(frame, atom, [&](int32_t s) { return s != static_cast<int32_t>(atom.value); });
    case Atom::Op::SymbolIn:
      return test_symbol(frame, atom, [&](int32_t s) { return symbol_in(&index.bits[atom.value], s); });
    case Atom::Op::SymbolNotIn:
      return test_symbol(frame, atom, [&](int32_t s) { return !symbol_in(&index.bits[atom.value], s); });
    case Atom::Op::MaskAny:
      return held((frame.masks[atom.index] & atom.value) != 0);
    case Atom::Op::MaskNone:
      return held((frame.masks[atom.index] & atom.value) == 0);
    case Atom::Op::MaskAnyWide:
      return held(any_wide(&index.bits[atom.value], &frame.masks[atom.index]));
    case Atom::Op::TargetIs:
      return held((frame.targets[atom.index] >> atom.value & 1) != 0);
    case Atom::Op::IntMin:
      return compare_int(frame, atom, [](int64_t a, int64_t b) { return a >= b; });
    case Atom::Op::IntMax:
      return compare_int(frame, atom, [](int64_t a, int64_t b) { return a <= b; });
    case Atom::Op::IntIs:
      return compare_int(frame, atom, [](int64_t a, int64_t b) { return a == b; });
    case Atom::Op::IntIsNot:
      return compare_int(frame, atom, [](int64_t a, int64_t b) { return a != b; });
    case Atom::Op::Prefix: {
      const Value& v = frame.slots[atom.index];
      if (v.kind == Kind::Absent) {
        return when_absent(atom);
      }
      const uint32_t length = static_cast<uint32_t>(atom.value);
      return held(v.length >= length &&
                  std::memcmp(v.a.text, index.text.data() + (atom.value >> 32), length) == 0);
    }
    case Atom::Op::Required:
      return frame.slots[atom.index].kind != Kind::Absent ? Held::Yes : Held::Ask;
    case Atom::Op::Present:
      return frame.slots[atom.index].kind != Kind::Absent ? Held::Yes : when_absent(atom);
    case Atom::Op::Absent:
      return held(frame.slots[atom.index].kind == Kind::Absent);
  }
  return Held::Unclear;
}

/// All atoms of a rule; stops at the first that decides.
inline Held test_all(const Cell* cell, const Frame& frame, const abi::Index& index) {
  bool unclear = cell->head.residual != 0;
  const Cell* const end = cell + 1 + cell->head.atoms;
  for (++cell; cell < end; ++cell) {
    const Held one = test(cell->atom, frame, index);
    if (one == Held::No) {
      return Held::No;
    }
    if (one == Held::Ask) [[unlikely]] {
      return Held::Unclear;
    }
    unclear = unclear || one == Held::Unclear;
  }
  return unclear ? Held::Unclear : Held::Yes;
}

constexpr size_t kBucketsAhead = 16;
constexpr uint32_t kItemsAhead = 8;
constexpr size_t kLinesAhead = 4;

/// Asks memory for the start of a bucket before it is scanned: at ten thousand rules none of it is near.
void fetch(const abi::Index& index, const abi::BucketRef& bucket) {
  const void* const start = bucket.native != nullptr ? reinterpret_cast<const void*>(bucket.native)
                                                     : static_cast<const void*>(&index.code[bucket.begin]);
  for (size_t line = 0; line < kLinesAhead; ++line) {
    __builtin_prefetch(static_cast<const char*>(start) + line * 64);
  }
}

uint32_t scan_packed(const abi::Index& index, uint32_t begin, Frame* frame, uint32_t best) {
  for (const Cell* cell = &index.code[begin]; cell->head.rank < best; cell += 1 + cell->head.atoms) {
    const Held all = test_all(cell, *frame, index);
    if (all == Held::No) {
      continue;
    }
    if (all == Held::Yes || frame->decide_rule(frame, cell->head.rank) != 0) {
      return cell->head.rank;
    }
  }
  return best;
}

/// Calls `open(bucket)` for every bucket of `anchors` that this request's symbols open.
template <class Open>
void open_buckets(const abi::Unit& unit, const abi::Index& index, const std::vector<uint32_t>& anchors,
                  const Frame& frame, Open open) {
  for (const uint32_t i : anchors) {
    const abi::Anchor& anchor = index.anchors[i];
    if (anchor.kind == abi::Anchor::Kind::Symbol) {
      const int32_t symbol = frame.symbols[anchor.feature];
      if (symbol >= 0) {
        open(anchor.buckets[static_cast<size_t>(symbol)]);
      }
      continue;
    }
    const abi::MaskFeature& feature = unit.mask_features[anchor.feature];
    for (uint32_t word = 0; word < feature.words; ++word) {
      for (uint64_t bits = frame.masks[feature.word + word]; bits != 0; bits &= bits - 1) {
        open(anchor.buckets[word * 64 + static_cast<uint32_t>(std::countr_zero(bits))]);
      }
    }
  }
}

}  // namespace

void Evaluation::collect_bucket(const abi::Index& index, const abi::BucketRef& bucket) {
  if (bucket.first_rank == abi::kNoRank) {
    return;
  }
  for (const Cell* cell = &index.code[bucket.begin]; cell->head.rank != abi::kNoRank;
       cell += 1 + cell->head.atoms) {
    const Held all = test_all(cell, frame_, index);
    if (all == Held::No) {
      continue;
    }
    Match match{cell->head.rank, value::Status::Ok, 0};
    if (all == Held::Unclear && !holds(match.rank, &match)) {
      continue;
    }
    collected_.push_back(match);
    if (gives_verdict(unit_->rules[cell->head.rule], match) && match.rank < best_.rank) {
      best_ = match;
    }
  }
}

bool Evaluation::intern_set(const SetRead& read) {
  uint64_t* const words = &masks_[read.word];
  std::fill_n(words, read.words, 0);
  const Value& v = frame_.slots[read.slot];
  if (v.kind != Kind::List) {
    return true;
  }
  for (uint32_t i = 0; i < v.length; ++i) {
    const Value& item = v.a.items[i];
    const int32_t symbol = item.kind == Kind::String ? read.table->find(item.text()) : -1;
    if (read.words == 1) [[likely]] {
      words[0] |= static_cast<uint64_t>(symbol >= 0) << (symbol & 63);
    } else if (symbol >= 0) {
      words[symbol >> 6] |= uint64_t{1} << (symbol & 63);
    }
  }
  return v.length <= kMaskItemsMax;
}

bool Evaluation::intern(const HookBinding& tool) {
  symbols_[abi::SymbolFeature::kTool] = tool_->tool_symbol;
  symbols_[abi::SymbolFeature::kServer] = tool_->server_symbol;
  const bool remembered = principal_ != nullptr;
  if (remembered && !principals_.fill(*principal_, symbols_.data(), masks_.data())) {
    return false;
  }
  const std::span sets = std::span(tool.sets).subspan(remembered ? tool.principal_sets : 0);
  for (const SetRead& read : sets) {  // their texts are two steps away: the first of them now
    const Value& v = frame_.slots[read.slot];
    const uint32_t count = v.kind == Kind::List ? std::min(v.length, kItemsAhead) : 0;
    for (uint32_t i = 0; i < count; ++i) {
      __builtin_prefetch(v.a.items[i].a.text);
    }
  }
  const std::span symbols = std::span(tool.symbols).subspan(remembered ? tool.principal_symbols : 0);
  for (const SymbolRead& read : symbols) {
    // An absent input is the empty text to the table: whether one is there is chance, and not worth a branch.
    const Value& v = frame_.slots[read.slot];
    const int32_t symbol = read.table->find(v.text());
    symbols_[read.feature] = v.kind == Kind::String ? symbol : abi::kSymbolAbsent;
  }
  return std::all_of(sets.begin(), sets.end(), [&](const SetRead& read) { return intern_set(read); });
}

void Evaluation::collect_all(const HookBinding& tool) {
  const auto collect = [&](const abi::BucketRef& bucket) { collect_bucket(plan_->collect, bucket); };
  collect(plan_->collect.always);
  open_buckets(*unit_, plan_->collect, tool.collect_anchors, frame_, collect);
}

void Evaluation::fetch_ahead(const HookBinding& tool) {
  for (const uint32_t i : tool.decide_anchors) {
    const abi::Anchor& anchor = plan_->decide.anchors[i];
    if (anchor.kind == abi::Anchor::Kind::Symbol && anchor.feature <= abi::SymbolFeature::kServer) {
      const int32_t symbol =
          anchor.feature == abi::SymbolFeature::kTool ? tool_->tool_symbol : tool_->server_symbol;
      if (symbol >= 0) {
        fetch(plan_->decide, anchor.buckets[static_cast<size_t>(symbol)]);
      }
    }
  }
}

void Evaluation::scan_all(const HookBinding& tool) {
  const abi::Index& index = plan_->decide;
  uint32_t best = best_.rank;
  const auto scan = [&](const abi::BucketRef& bucket) {
    if (bucket.first_rank >= best) {
      return;
    }
    const uint32_t rank = bucket.native != nullptr ? bucket.native(&frame_, best)
                                                   : scan_packed(index, bucket.begin, &frame_, best);
    if (rank < best) {
      best = rank;
      best_ = exact_.rank == rank ? exact_ : Match{rank, value::Status::Ok, 0};
    }
  };
  const abi::BucketRef* opened[kBucketsAhead];
  size_t count = 0;
  open_buckets(*unit_, index, tool.decide_anchors, frame_, [&](const abi::BucketRef& bucket) {
    if (count == kBucketsAhead) [[unlikely]] {
      scan(bucket);
      return;
    }
    fetch(index, bucket);
    opened[count++] = &bucket;
  });
  scan(index.always);
  for (size_t i = 0; i < count; ++i) {
    scan(*opened[i]);
  }
}

void Evaluation::decide_indexed(const HookBinding& tool) {
  if (!intern(tool)) {
    decide_in_order();
    return;
  }
  // First the rules that must be asked anyway: a deny among them spares the others.
  if (!plan_->collect.code.empty()) {
    collect_all(tool);
  }
  scan_all(tool);
}

}  // namespace catalyst::decision
