// The packed tier: buckets of rules, each a run of cells, scanned in place.

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>

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

[[gnu::always_inline]] inline int32_t symbol_of(const abi::SymbolTable& table, const Value& item) {
  return item.kind == Kind::String ? table.find(item.text()) : -1;
}

constexpr size_t kBucketsAhead = 16;
constexpr size_t kLinesAhead = 4;

/// Asks memory for the start of a bucket before it is scanned: at ten thousand rules none of it is near.
void fetch(const abi::Index& index, const abi::BucketRef& bucket) {
  const void* const start = bucket.native != nullptr ? reinterpret_cast<const void*>(bucket.native)
                                                     : static_cast<const void*>(&index.code[bucket.begin]);
  for (size_t line = 0; line < kLinesAhead; ++line) {
    __builtin_prefetch(static_cast<const char*>(start) + line * 64);
  }
}

/// Of a symbol that the pack does not know some bucket: which it is is chance, and not worth a branch.
const abi::BucketRef& bucket_of(const abi::BucketRef* buckets, int32_t symbol) {
  return buckets[std::max(symbol, 0)];
}

/// Of a rank that is none some brief: whether a rule matched is chance.
const Pack::Tables::Brief& brief_of(const Pack::Tables::Brief* briefs, uint32_t rank) {
  return briefs[rank & -static_cast<uint32_t>(rank != abi::kNoRank)];
}

/// The bucket that a symbol opens, if it is one of the pack's; an empty one where nothing is filed so.
const abi::BucketRef& opened_by(const abi::BucketRef* buckets, int32_t symbol) {
  static constexpr abi::BucketRef kShut;
  return buckets != nullptr ? bucket_of(buckets, symbol) : kShut;
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

/// Calls `open(bucket, is_open)` for every bucket of `anchors` that this request's symbols open, and possibly
/// for some that it leaves shut: whether a symbol is one of the pack's is chance, and not worth a branch.
template <class Open>
[[gnu::always_inline]] inline void open_buckets(const abi::Unit& unit, const abi::Index& index,
                                                const OpenAnchors& anchors, const Frame& frame, Open open) {
  const int32_t* const symbols = frame.symbols;
  for (const SymbolBuckets& anchor : anchors.symbols) {
    const int32_t symbol = symbols[anchor.feature];
    open(bucket_of(anchor.buckets, symbol), symbol >= 0);
  }
  for (const uint32_t i : anchors.masks) {
    const abi::Anchor& anchor = index.anchors[i];
    const abi::MaskFeature& feature = unit.mask_features[anchor.feature];
    for (uint32_t word = 0; word < feature.words; ++word) {
      for (uint64_t bits = frame.masks[feature.word + word]; bits != 0; bits &= bits - 1) {
        const abi::BucketRef& bucket =
            anchor.buckets[word * 64 + static_cast<uint32_t>(std::countr_zero(bits))];
        fetch(index, bucket);  // those of symbols were fetched when these were looked up
        open(bucket, true);
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
  const Value& v = frame_.slots[read.slot];
  // What is no list has no items: whether one is there is chance.
  const uint32_t count = v.kind == Kind::List ? v.length : 0;
  const Value* const items = v.a.items;
  if (read.words == 1) [[likely]] {
    uint64_t mask = 0;
    for (uint32_t i = 0; i < count; ++i) {
      const int32_t symbol = symbol_of(*read.table, items[i]);
      mask |= static_cast<uint64_t>(symbol >= 0) << (symbol & 63);
    }
    words[0] = mask;
    return count <= kMaskItemsMax;
  }
  std::fill_n(words, read.words, 0);
  for (uint32_t i = 0; i < count; ++i) {
    const int32_t symbol = symbol_of(*read.table, items[i]);
    if (symbol >= 0) {
      words[symbol >> 6] |= uint64_t{1} << (symbol & 63);
    }
  }
  return count <= kMaskItemsMax;
}

void Evaluation::intern_symbols(std::span<const SymbolRead> reads) {
  const Value* const slots = frame_.slots;
  int32_t* const symbols = symbols_.data();
  for (const SymbolRead& read : reads) {
    // An absent input is the empty text to the table: whether one is there is chance, and not worth a branch.
    const Value& v = slots[read.slot];
    const int32_t symbol = read.table->find(v.text());
    symbols[read.feature] = v.kind == Kind::String ? symbol : abi::kSymbolAbsent;
    if (read.buckets != nullptr) {
      __builtin_prefetch(&bucket_of(read.buckets, symbol));
    }
  }
}

/// A text too long to be searched ahead may contain anything: whoever asks goes to the evaluator, and pays.
void Evaluation::intern_parts(const SetRead& read) {
  const Value& v = frame_.slots[read.slot];
  const std::string_view text = v.kind == Kind::String ? v.text() : std::string_view();
  if (static_cast<int64_t>(text.size()) > parts_bytes_max_) [[unlikely]] {
    read.parts->find_all(&masks_[read.word]);
  } else {
    read.parts->find(text, &masks_[read.word]);
  }
}

bool Evaluation::intern_sets(std::span<const SetRead> reads) {
  for (const SetRead& read : reads) {
    if (read.parts != nullptr) {
      intern_parts(read);
    } else if (!intern_set(read)) {
      return false;
    }
  }
  return true;
}

bool Evaluation::intern_principal(const HookBinding& tool) {
  const std::span reads = std::span(tool.symbols).first(tool.principal_symbols);
  if (principal_ == nullptr) {
    intern_symbols(reads);
    return intern_sets(std::span(tool.sets).first(tool.principal_sets));
  }
  return principals_.fill(*principal_, symbols_.data(), masks_.data());
}

bool Evaluation::intern_rest(const HookBinding& tool) {
  symbols_[abi::SymbolFeature::kTool] = tool_->tool_symbol;
  symbols_[abi::SymbolFeature::kServer] = tool_->server_symbol;
  intern_symbols(std::span(tool.symbols).subspan(tool.principal_symbols));
  const bool fits = intern_sets(std::span(tool.sets).subspan(tool.principal_sets));
  fetch_buckets(tool.symbols);
  return fits;
}

void Evaluation::collect_all(const HookBinding& tool) {
  const auto collect = [&](const abi::BucketRef& bucket, bool is_open) {
    if (is_open) {
      collect_bucket(plan_->collect, bucket);
    }
  };
  collect(plan_->collect.always, true);
  open_buckets(*unit_, plan_->collect, tool.collect, frame_, collect);
}

void Evaluation::fetch_references(const HookBinding& tool) const {
  if (tool.tool_buckets != nullptr) {
    __builtin_prefetch(&bucket_of(tool.tool_buckets, tool_->tool_symbol));
  }
  if (tool.server_buckets != nullptr) {
    __builtin_prefetch(&bucket_of(tool.server_buckets, tool_->server_symbol));
  }
}

void Evaluation::fetch_ahead(const HookBinding& tool) {
  const abi::Index& index = plan_->decide;
  if (tool.tool_buckets != nullptr) {
    fetch(index, bucket_of(tool.tool_buckets, tool_->tool_symbol));
  }
  if (tool.server_buckets != nullptr) {
    fetch(index, bucket_of(tool.server_buckets, tool_->server_symbol));
  }
}

void Evaluation::fetch_buckets(std::span<const SymbolRead> reads) {
  for (const SymbolRead& read : reads) {
    if (read.buckets != nullptr) {
      fetch(plan_->decide, bucket_of(read.buckets, symbols_[read.feature]));
    }
  }
}

void Evaluation::scan_all(const HookBinding& tool) {
  const abi::Index& index = plan_->decide;
  uint32_t best = best_.rank;
  const abi::BucketRef& of_tool = opened_by(tool.tool_buckets, tool_->tool_symbol);
  const abi::BucketRef& of_server = opened_by(tool.server_buckets, tool_->server_symbol);
  const auto scan = [&](const abi::BucketRef& bucket) {
    best = bucket.native != nullptr ? bucket.native(&frame_, best)
                                    : scan_packed(index, bucket.begin, &frame_, best);
    __builtin_prefetch(&brief_of(briefs_, best));  // the next bucket is scanned meanwhile
  };
  const abi::BucketRef* opened[kBucketsAhead];  // looked after before any of them is scanned
  size_t count = 0;
  const uint32_t limit = best;
  const auto add = [&](const abi::BucketRef& bucket, bool is_open) {
    opened[count] = &bucket;  // one that stays shut is overwritten by the next
    const bool wins = is_open & (bucket.first_rank < limit);
    count += static_cast<size_t>(wins);
    return wins;
  };
  const bool has_tool = add(of_tool, tool_->tool_symbol >= 0);
  // The native code of a tool's bucket goes on with that of its server.
  const bool is_both = has_tool & (of_tool.native != nullptr) & (of_server.native != nullptr);
  add(of_server, (tool_->server_symbol >= 0) & !is_both);
  open_buckets(*unit_, index, tool.decide, frame_, [&](const abi::BucketRef& bucket, bool is_open) {
    if (count < kBucketsAhead) [[likely]] {
      add(bucket, is_open);
    } else if (is_open && bucket.first_rank < best) {
      scan(bucket);
    }
  });
  if (index.always.first_rank < best) {
    scan(index.always);
  }
  for (size_t i = 0; i < count; ++i) {
    if (opened[i]->first_rank < best) {
      scan(*opened[i]);
    } else if (is_both && opened[i] == &of_tool && of_server.first_rank < best) {
      scan(of_server);
    }
  }
  if (best != best_.rank) {
    best_ = exact_.rank == best ? exact_ : Match{best, value::Status::Ok, 0};
  }
}

void Evaluation::decide_indexed(const HookBinding& tool) {
  if (!knows_principal_ || !intern_rest(tool)) {
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
