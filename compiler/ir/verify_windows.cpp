#include "compiler/ir/verify_windows.h"

#include <vector>

namespace catalyst::ir {
namespace {

using types::TypeTable;

class Windows {
 public:
  explicit Windows(const Module& module) : m_(module), seen_(module.exprs.size()) {}

  std::string problem() {
    if (m_.windows.size() > kMaxWindows) {
      return "too many windows";
    }
    for (const Window& window : m_.windows) {
      if (!is_whole(window)) {
        return "window " + window.name + " is not whole";
      }
    }
    std::vector<uint32_t> readers(m_.slots.size());
    for (const WindowRead& read : m_.window_reads) {
      if (!is_right(read)) {
        return "a window is read that does not exist, or as something else";
      }
      readers[read.slot.index]++;
    }
    for (size_t i = 0; i < m_.slots.size(); i++) {
      if (readers[i] != (m_.slots[i].root == abi::InputRoot::Window ? 1u : 0u)) {
        return "an input below `window` is not filled by one window";
      }
    }
    return {};
  }

 private:
  [[nodiscard]] bool is_whole(const Window& window) {
    return window.target.index < m_.targets.size() && static_cast<size_t>(window.hook) < abi::kHookCount &&
           window.within_us > 0 && (window.kind == WindowKind::Count) != window.value.valid() &&
           fits(window.key, TypeTable::kString) &&
           fits(window.value, window.kind == WindowKind::Sum ? TypeTable::kDecimal : TypeTable::kString);
  }

  [[nodiscard]] bool is_right(const WindowRead& read) {
    if (read.window.index >= m_.windows.size() || read.slot.index >= m_.slots.size()) {
      return false;
    }
    const Window& window = m_.windows[read.window.index];
    return read.key.valid() == window.key.valid() && fits(read.key, TypeTable::kString) &&
           m_.slots[read.slot.index].type ==
               (window.kind == WindowKind::Sum ? TypeTable::kDecimal : TypeTable::kInt);
  }

  /// What a window is kept by is of its type and reads no windows: they are read in no order.
  [[nodiscard]] bool fits(ExprId id, types::TypeId type) {
    return !id.valid() || (m_.expr(id).type == type && !reads_window(id));
  }

  /// Each expression is looked at once, whoever uses it: the first that reads a window ends it all.
  [[nodiscard]] bool reads_window(ExprId id) {
    std::vector<ExprId> open{id};
    while (!open.empty()) {
      const ExprId at = open.back();
      open.pop_back();
      if (seen_[at.index]) {
        continue;
      }
      seen_[at.index] = true;
      const Expr& e = m_.expr(at);
      if (e.op == Op::Slot && m_.slots[e.payload].root == abi::InputRoot::Window) {
        return true;
      }
      if (e.op == Op::Fact) {
        open.push_back(m_.facts[e.payload].value);
      } else if (e.op == Op::CallFn) {
        open.push_back(m_.functions[e.payload].body);
      }
      for (uint32_t i = 0; i < e.operand_count; i++) {
        open.push_back(m_.operand(e, i));
      }
    }
    return false;
  }

  const Module& m_;
  std::vector<bool> seen_;
};

}  // namespace

std::string windows_problem(const Module& module) { return Windows(module).problem(); }

}  // namespace catalyst::ir
