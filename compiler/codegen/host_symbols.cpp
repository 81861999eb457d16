#include "compiler/codegen/host_symbols.h"

#include <strings.h>

#include <cmath>
#include <cstring>

#include "compiler/ir/cast.h"
#include "runtime/abi/frame.h"
#include "runtime/abi/lookup_table.h"
#include "runtime/value/builtin.h"
#include "runtime/value/decimal.h"
#include "runtime/value/ops.h"
#include "runtime/value/regex_set.h"

// The functions behind host.def: adapters from the calling form of native code to the operations that the
// interpreter uses too.

namespace catalyst::codegen {
namespace {

using abi::Frame;
using abi::Truth;
using value::Scratch;
using value::Status;
using value::Value;

Scratch scratch_of(Frame* frame) { return {frame->arena, &frame->fuel}; }

Truth truth_of(Status status, bool answer) {
  return status == Status::Ok ? Truth{answer} : abi::kTruthError + static_cast<Truth>(status);
}

template <Status (*kTest)(const Scratch&, const Value&, const Value&, bool*) noexcept>
Truth test(Frame* frame, const Value* a, const Value* b) noexcept {
  bool answer = false;
  const Status status = kTest(scratch_of(frame), *a, *b, &answer);
  return truth_of(status, answer);
}

template <Status (*kTest)(const Scratch&, std::string_view, std::string_view, bool*) noexcept>
Truth test_text(Frame* frame, const Value* text, const Value* part) noexcept {
  bool answer = false;
  const Status status = kTest(scratch_of(frame), text->text(), part->text(), &answer);
  return truth_of(status, answer);
}

template <bool kSets>
Truth equal_charged(Frame* frame, const Value* a, const Value* b) noexcept {
  // An optional set may be absent; order does not matter only between two that are there.
  const bool as_sets = kSets && a->kind == value::Kind::List && b->kind == value::Kind::List;
  bool answer = false;
  const Status status = value::equal_charged(scratch_of(frame), *a, *b, as_sets, &answer);
  return truth_of(status, answer);
}

template <Status (*kCombine)(const Scratch&, const Value&, const Value&, Value*) noexcept>
Status combine(Frame* frame, const Value* a, const Value* b, Value* out) noexcept {
  return kCombine(scratch_of(frame), *a, *b, out);
}

template <Status (*kCombine)(const Value&, const Value&, Value*) noexcept>
Status calculate(Frame*, const Value* a, const Value* b, Value* out) noexcept {
  return kCombine(*a, *b, out);
}

template <bool kUnique>
Status make_list(Frame* frame, const Value* items, uint32_t count, Value* out) noexcept {
  return value::make_list(scratch_of(frame), items, count, kUnique, out);
}

}  // namespace

extern "C" {

static Truth catalyst_equal(Frame*, const Value* a, const Value* b) noexcept {
  return value::equal(*a, *b) ? 1 : 0;
}
static Truth catalyst_equal_charged(Frame* frame, const Value* a, const Value* b) noexcept {
  return equal_charged<false>(frame, a, b);
}
static Truth catalyst_equal_sets(Frame* frame, const Value* a, const Value* b) noexcept {
  return equal_charged<true>(frame, a, b);
}
static int32_t catalyst_order(const Value* a, const Value* b) noexcept {
  const auto order = value::order(*a, *b);
  return order < 0 ? -1 : (order > 0 ? 1 : 0);
}
static Truth catalyst_contains_text(Frame* frame, const Value* text, const Value* part) noexcept {
  return test_text<value::contains_text>(frame, text, part);
}
static Truth catalyst_glob(Frame* frame, const Value* text, const Value* pattern) noexcept {
  return test_text<value::glob>(frame, text, pattern);
}
static Truth catalyst_regex(Frame* frame, const value::RegexSet* set, uint32_t index,
                            const Value* text) noexcept {
  bool answer = false;
  const Status status = set->matches(scratch_of(frame), index, text->text(), &answer);
  return truth_of(status, answer);
}
static Status catalyst_interpolate(Frame* frame, const Value* parts, uint32_t count, Value* out) noexcept {
  return value::interpolate(scratch_of(frame), parts, count, out);
}
static Truth catalyst_has(Frame* frame, const Value* a, const Value* b) noexcept {
  return test<value::has>(frame, a, b);
}
static Truth catalyst_subset_of(Frame* frame, const Value* a, const Value* b) noexcept {
  return test<value::subset_of>(frame, a, b);
}
static Truth catalyst_intersects(Frame* frame, const Value* a, const Value* b) noexcept {
  return test<value::intersects>(frame, a, b);
}
static Status catalyst_union(Frame* frame, const Value* a, const Value* b, Value* out) noexcept {
  return combine<value::set_union>(frame, a, b, out);
}
static Status catalyst_intersect(Frame* frame, const Value* a, const Value* b, Value* out) noexcept {
  return combine<value::set_intersect>(frame, a, b, out);
}
static Status catalyst_except(Frame* frame, const Value* a, const Value* b, Value* out) noexcept {
  return combine<value::set_except>(frame, a, b, out);
}
static Truth catalyst_ip_inside(Frame*, const Value* ip, const Value* network) noexcept {
  return value::ip_inside(*ip, *network) ? 1 : 0;
}
static void catalyst_field(const Value* v, const Value* name, Value* out) noexcept {
  *out = value::field(*v, name->text());
}
static void catalyst_index(const Value* v, const Value* at, Value* out) noexcept {
  *out = value::index(*v, *at);
}
static Status catalyst_cast(Frame* frame, const types::TypeTable* table, uint32_t type, const Value* v,
                            Value* out) noexcept {
  return ir::cast(*table, scratch_of(frame), *v, types::TypeId{type}, out);
}
static Status catalyst_make_list(Frame* frame, const Value* items, uint32_t count, Value* out) noexcept {
  return make_list<false>(frame, items, count, out);
}
static Status catalyst_make_set(Frame* frame, const Value* items, uint32_t count, Value* out) noexcept {
  return make_list<true>(frame, items, count, out);
}
static Status catalyst_make_map(Frame* frame, const Value* items, uint32_t count, Value* out) noexcept {
  return value::make_map(scratch_of(frame), items, count, out);
}
static Status catalyst_builtin(Frame* frame, const value::RegexSet* set, uint32_t builtin,
                               const Value* arguments, Value* out) noexcept {
  Scratch scratch = scratch_of(frame);
  scratch.regexes = set;
  return value::call_builtin(scratch, static_cast<value::Builtin>(builtin), arguments, out);
}
static Status catalyst_lookup(Frame* frame, const abi::LookupTable* table, const Value* columns,
                              Value* out) noexcept {
  return table->first(scratch_of(frame), columns, out);
}
static Status catalyst_lookup_all(Frame* frame, const abi::LookupTable* table, const Value* columns,
                                  Value* out) noexcept {
  return table->all(scratch_of(frame), columns, out);
}
static Status catalyst_decimal_add(Frame* frame, const Value* a, const Value* b, Value* out) noexcept {
  return calculate<value::decimal::add>(frame, a, b, out);
}
static Status catalyst_decimal_sub(Frame* frame, const Value* a, const Value* b, Value* out) noexcept {
  return calculate<value::decimal::subtract>(frame, a, b, out);
}
static Status catalyst_decimal_mul(Frame* frame, const Value* a, const Value* b, Value* out) noexcept {
  return calculate<value::decimal::multiply>(frame, a, b, out);
}
static Status catalyst_decimal_div(Frame* frame, const Value* a, const Value* b, Value* out) noexcept {
  return calculate<value::decimal::divide>(frame, a, b, out);
}
static Status catalyst_decimal_rem(Frame* frame, const Value* a, const Value* b, Value* out) noexcept {
  return calculate<value::decimal::remainder>(frame, a, b, out);
}
static Status catalyst_decimal_neg(Frame*, const Value* a, Value* out) noexcept {
  return value::decimal::negate(*a, out);
}
static void catalyst_decimal_from_int(int64_t x, Value* out) noexcept { *out = value::decimal::from_int(x); }
static double catalyst_decimal_to_float(const Value* x) noexcept { return value::decimal::to_double(*x); }
static double catalyst_fmod(double a, double b) noexcept { return std::fmod(a, b); }
static void* catalyst_alloc(Frame* frame, uint64_t bytes) noexcept { return frame->arena->alloc(bytes); }
static void catalyst_trace(Frame* frame, uint32_t expr, int32_t status, const Value* v) noexcept {
  if (frame->trace != nullptr) {
    frame->trace->record(frame->trace, expr, static_cast<Status>(status), v);
  }
}

}  // extern "C"

std::span<const HostSymbol> host_symbols() {
  static const HostSymbol kSymbols[] = {
#define HOST(name, symbol, signature, effect) \
  {#symbol, signature, HostEffect::effect, reinterpret_cast<void*>(&(symbol))},
#include "compiler/codegen/host.def"
#undef HOST
  };
  return kSymbols;
}

}  // namespace catalyst::codegen
