#include <algorithm>
#include <array>

#include "compiler/analysis/symbolic.h"

// Texts against patterns, and collections of texts.

namespace catalyst::analysis {

using ir::Op;
using value::Value;

namespace {

constexpr size_t kPatternMax = 1000;  // bytes; longer ones are not followed

std::array<uint8_t, 256> case_map(Sym::Map map) {
  std::array<uint8_t, 256> out{};
  for (int byte = 0; byte < 256; ++byte) {
    int to = byte;
    if (map == Sym::Map::Lower && byte >= 'A' && byte <= 'Z') {
      to = byte | 0x20;
    } else if (map == Sym::Map::Upper && byte >= 'a' && byte <= 'z') {
      to = byte & ~0x20;
    }
    out[static_cast<size_t>(byte)] = static_cast<uint8_t>(to);
  }
  return out;
}

/// Accepts exactly these texts.
std::optional<Automaton> literal_automaton(const std::vector<std::string>& texts) {
  std::string pattern = "^(?:";
  for (const std::string& text : texts) {
    pattern += pattern.size() > 4 ? "|" : "";
    for (const char c : text) {
      const auto byte = static_cast<uint8_t>(c);
      const bool plain =
          byte >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      pattern += plain || c == '\n' || c == '\t' || c == ' ' || byte < 0x20 ? "" : "\\";
      pattern += c;
    }
  }
  return regex_automaton(pattern + ")$");
}

/// Texts that stand at the front (or back, or anywhere) of `whole`.
std::vector<std::string> parts_of(std::string_view whole, Op op) {
  std::vector<std::string> out;
  for (size_t from = 0; from <= whole.size(); ++from) {
    for (size_t to = from; to <= whole.size(); ++to) {
      if ((op != Op::StartsWith || from == 0) && (op != Op::EndsWith || to == whole.size())) {
        out.emplace_back(whole.substr(from, to - from));
      }
    }
  }
  return out;
}

}  // namespace

std::optional<FormulaId> Symbolic::plain_text(const Sym& s) {
  if (s.kind != Sym::Kind::Text || s.map != Sym::Map::None) {
    return std::nullopt;
  }
  return s.value;
}

TextVar Symbolic::bound_text(const Digest& of) { return world_.text("element " + of.text()); }

/// `key` names the language; what the text is seen through is added to it.
std::optional<FormulaId> Symbolic::in_set(const Sym& text, const std::string& key,
                                          std::optional<Automaton> automaton) {
  if (text.kind != Sym::Kind::Text) {
    return std::nullopt;
  }
  const std::string full = std::to_string(static_cast<int>(text.map)) + key;
  uint32_t set = f_.find_set(full);
  if (set == UINT32_MAX) {
    if (!automaton) {
      return std::nullopt;
    }
    set = f_.automaton_set(
        full, text.map == Sym::Map::None ? std::move(*automaton) : automaton->preimage(case_map(text.map)));
  }
  return f_.text_in(text.value, set);
}

FormulaId Symbolic::in_literals(const Sym& text, std::vector<std::string> literals) {
  if (text.map == Sym::Map::None) {
    return f_.text_in(text.value, std::move(literals));
  }
  std::string key = "one of";
  for (const std::string& each : literals) {
    key += std::to_string(each.size()) + ":" + each;
  }
  if (const auto in = in_set(text, key, literal_automaton(literals))) {
    return *in;
  }
  const std::string name = Digest().add(text.digest).add(key).text();
  world_.opaque.emplace(name, Opaque{&module_, {}, "a long list of texts"});
  return f_.variable(world_.truth("?" + name));
}

Sym Symbolic::pattern(ExprId id, const Expr& e) {
  const Sym text = operand(e, 0);
  std::optional<FormulaId> in;
  if (e.op == Op::Glob || e.op == Op::Regex) {
    const std::string written(e.op == Op::Glob ? module_.consts[e.payload].text()
                                               : module_.regexes[e.payload]);
    const std::string key = (e.op == Op::Glob ? "glob " : "regex ") + written;
    if (written.size() <= kPatternMax) {
      in = in_set(text, key, e.op == Op::Glob ? glob_automaton(written) : regex_automaton(written));
    }
    if (!in) {
      return opaque(id, e, {text}, "the pattern \"" + written.substr(0, 60) + "\"");
    }
    return with_digest(derived(Sym::Kind::Truth, *in, e.type, {&text}), e, {text});
  }
  const Sym part = operand(e, 1);
  if (part.constant != nullptr && part.kind == Sym::Kind::Text) {
    const std::string written(part.constant->text());
    if (written.size() <= kPatternMax) {
      switch (e.op) {
        case Op::StartsWith:
          in = in_set(text, "prefix " + written, prefix_automaton(written));
          break;
        case Op::EndsWith:
          in = in_set(text, "suffix " + written, suffix_automaton(written));
          break;
        default:
          in = in_set(text, "part " + written, substring_automaton(written));
          break;
      }
    }
  } else if (text.constant != nullptr && part.kind == Sym::Kind::Text && text.constant->text().size() <= 60) {
    in = in_literals(part, parts_of(text.constant->text(), e.op));
  }
  if (!in) {
    return opaque(id, e, {text, part}, "texts compared with each other");
  }
  return with_digest(derived(Sym::Kind::Truth, *in, e.type, {&text, &part}), e, {text, part});
}

FormulaId Symbolic::member(const Collection& c, FormulaId text) {
  switch (c.kind) {
    case Collection::Kind::Variable:
      return f_.member(c.variable, text);
    case Collection::Kind::Constant:
      return f_.text_in(text, c.constant);
    case Collection::Kind::Union:
      return f_.either(member(*c.left, text), member(*c.right, text));
    case Collection::Kind::Intersect:
      return f_.both(member(*c.left, text), member(*c.right, text));
    case Collection::Kind::Except:
      return f_.both(member(*c.left, text), f_.negate(member(*c.right, text)));
    case Collection::Kind::Guarded:
      return f_.both(c.guard, member(*c.left, text));
  }
  return f_.truth(false);
}

std::optional<FormulaId> Symbolic::has(const Sym& collection, const Sym& element) {
  if (collection.kind == Sym::Kind::Texts && element.kind == Sym::Kind::Text) {
    if (collection.texts->kind == Collection::Kind::Constant) {
      return in_literals(element, collection.texts->constant);
    }
    const std::optional<FormulaId> text = plain_text(element);
    return text ? std::optional(member(*collection.texts, *text)) : std::nullopt;
  }
  // A constant list of numbers or addresses.
  if (collection.constant == nullptr || collection.constant->kind != value::Kind::List ||
      element.kind != Sym::Kind::Number) {
    return std::nullopt;
  }
  std::vector<FormulaId> any;
  for (uint32_t i = 0; i < collection.constant->length; ++i) {
    const Value& each = collection.constant->a.items[i];
    const Sym item = constant(each, module_.types.get(collection.type).element);
    const std::optional<FormulaId> same =
        each.kind == value::Kind::Ip
            ? ip_inside(element, item)
            : (item.kind == Sym::Kind::Number
                   ? std::optional(f_.compare(FormulaOp::NumEq, element.value, item.value))
                   : std::nullopt);
    if (!same) {
      return std::nullopt;
    }
    any.push_back(*same);
  }
  return f_.any_of(any);
}

Sym Symbolic::membership(ExprId id, const Expr& e) {
  const Sym a = operand(e, 0);
  const Sym b = operand(e, 1);
  const bool texts = a.kind == Sym::Kind::Texts && b.kind == Sym::Kind::Texts;
  std::optional<FormulaId> in;
  switch (e.op) {
    case Op::Has:
      in = has(a, b);
      break;
    case Op::IpInside:
      in = ip_inside(a, b);
      break;
    case Op::SubsetOf:
    case Op::Intersects:
      if (texts) {
        const TextVar bound = bound_text(Digest().add("set").add(a.digest).add(b.digest));
        const FormulaId other = member(*b.texts, f_.variable(bound));
        in = e.op == Op::Intersects ? some(*a.texts, bound, other)
                                    : f_.negate(some(*a.texts, bound, f_.negate(other)));
      }
      break;
    default:
      if (texts) {
        auto c = std::make_shared<Collection>();
        c->kind = e.op == Op::Union
                      ? Collection::Kind::Union
                      : (e.op == Op::Intersect ? Collection::Kind::Intersect : Collection::Kind::Except);
        c->left = a.texts;
        c->right = b.texts;
        Sym out = derived(Sym::Kind::Texts, f_.truth(true), e.type, {&a, &b});
        out.texts = std::move(c);
        return with_digest(std::move(out), e, {a, b});
      }
      break;
  }
  if (!in) {
    return opaque(id, e, {a, b}, "this operation on collections");
  }
  return with_digest(derived(Sym::Kind::Truth, *in, e.type, {&a, &b}), e, {a, b});
}

}  // namespace catalyst::analysis
