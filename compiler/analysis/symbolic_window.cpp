#include <algorithm>

#include "compiler/analysis/symbolic.h"
#include "runtime/base/check.h"
#include "runtime/decision/windows.h"

// Windows over the past: numbers that a request brings with it, equal where they count the same by the same
// key.

namespace catalyst::analysis {

/// Everything but how far it looks back, by meaning: names in a window mean what their pack says.
Digest Symbolic::window_family(const ir::Window& window, const ir::WindowRead& read) {
  Digest d;
  d.add("window").add(static_cast<uint64_t>(window.kind)).add(static_cast<uint64_t>(window.hook));
  for (const ir::TargetPattern& p : module_.targets[window.target.index].patterns) {
    d.add(p.server).add(p.tool);
  }
  for (const ExprId id : {window.key, window.value, read.key}) {
    d.add(id.valid() ? apart(id).digest : Digest{});
  }
  return d;
}

Sym Symbolic::window(ExprId id, const Expr& e) {
  const auto read = std::find_if(module_.window_reads.begin(), module_.window_reads.end(),
                                 [&](const ir::WindowRead& each) { return each.slot.index == e.payload; });
  CHECK(read != module_.window_reads.end(), "verify lets no window through that nobody fills");
  const ir::Window& window = module_.windows[read->window.index];
  const Digest family = window_family(window, *read);
  Sym out;
  out.kind = Sym::Kind::Number;
  out.type = e.type;
  out.digest = Digest(family).add(static_cast<uint64_t>(window.within_us));
  const std::string digest = out.digest.text();
  WindowInput input;
  input.family = family.text();
  input.within_us = window.within_us;
  input.whole = window.kind != ir::WindowKind::Sum;
  input.most = window.kind == ir::WindowKind::Distinct ? decision::WindowCounter::kDistinctMax : 0;
  out.value = f_.variable(world_.window(digest, input, window.name));
  out.present = f_.truth(true);
  out.ok = read->key.valid() ? apart(read->key).ok : f_.truth(true);
  if (window.kind != ir::WindowKind::Count) {
    out.ok = f_.both(out.ok, f_.variable(world_.truth("?" + digest + " works", Usual::True)));
    world_.opaque.emplace(digest, Opaque{&module_, module_.expr_spans[id.index],
                                         "whether a window holds more than can be told"});
  }
  return out;
}

}  // namespace catalyst::analysis
