#include <algorithm>
#include <cstring>

#include "compiler/analysis/symbolic.h"
#include "runtime/value/decimal.h"
#include "runtime/value/ops.h"

// Inputs and constants: what stands at a place of a request, and what it is when read as a type.

namespace catalyst::analysis {

using ir::TypeId;
using types::TypeKind;
using value::Kind;
using value::Value;

namespace {

constexpr const char* kLastAddress = "340282366920938463463374607431768211455";  // 2^128 - 1
constexpr int64_t kUsualTimeMax = 4'102'444'800'000'000;                         // the year 2100

/// An address as one number of 128 bits.
std::string ip_numeral(const Value& ip) {
  uint8_t octets[16];
  std::memcpy(octets, &ip.a, 8);
  std::memcpy(octets + 8, &ip.b, 8);
  unsigned __int128 x = 0;
  for (const uint8_t octet : octets) {
    x = x << 8 | octet;
  }
  std::string out;
  do {
    out.insert(out.begin(), static_cast<char>('0' + static_cast<int>(x % 10)));
    x /= 10;
  } while (x != 0);
  return out;
}

}  // namespace

Sym Symbolic::constant(const Value& v, TypeId type) {
  Sym out;
  out.type = module_.types.strip_optional(type);
  out.ok = f_.truth(true);
  out.present = f_.truth(v.kind != Kind::Absent);
  out.constant = &v;
  std::string text;
  value::append_json(text, v);
  out.digest.add("constant").add(static_cast<uint64_t>(v.kind)).add(text);
  switch (v.kind) {
    case Kind::Bool:
      out.kind = Sym::Kind::Truth;
      out.value = f_.truth(v.a.integer != 0);
      break;
    case Kind::Int:
    case Kind::Time:
    case Kind::Duration:
      out.kind = Sym::Kind::Number;
      out.value = f_.number(v.a.integer);
      break;
    case Kind::Decimal: {
      std::string numeral;
      value::decimal::append_text(numeral, v);
      out.kind = Sym::Kind::Number;
      out.value = f_.number(numeral);
      break;
    }
    case Kind::String:
      out.kind = Sym::Kind::Text;
      out.value = f_.text(v.text());
      break;
    case Kind::Ip:
      if (v.scale == 128) {
        out.kind = Sym::Kind::Number;
        out.value = f_.number(ip_numeral(v));
      }
      break;
    case Kind::List:
      if (auto texts = texts_of(v)) {
        auto c = std::make_shared<Collection>();
        c->constant = std::move(*texts);
        out.kind = Sym::Kind::Texts;
        out.texts = std::move(c);
      }
      break;
    case Kind::Absent:
    case Kind::Invalid:
    case Kind::Float:
    case Kind::Bytes:
    case Kind::Map:
      break;
  }
  return out;
}

Sym Symbolic::slot(const ir::Slot& slot) {
  const std::string name(abi::input_root_text(slot.root));
  Sym out;
  out.type = module_.types.strip_optional(slot.type);
  out.ok = out.present = f_.truth(true);
  out.digest.add("slot").add(name);
  switch (slot.root) {
    case abi::InputRoot::PrincipalId:
    case abi::InputRoot::PrincipalTenant:
    case abi::InputRoot::SessionId:
    case abi::InputRoot::SessionProtocol:
    case abi::InputRoot::ClientName:
    case abi::InputRoot::ClientVersion:
    case abi::InputRoot::CallServer:
    case abi::InputRoot::CallTool:
      out.kind = Sym::Kind::Text;
      out.value = f_.variable(world_.text(name));
      return out;
    case abi::InputRoot::Labels:
    case abi::InputRoot::PrincipalRoles: {
      auto c = std::make_shared<Collection>();
      c->kind = Collection::Kind::Variable;
      c->variable = world_.collection(name, false);  // nobody promises that a token names a role once
      out.kind = Sym::Kind::Texts;
      out.texts = std::move(c);
      return out;
    }
    case abi::InputRoot::PrincipalRisk:
    case abi::InputRoot::Now:
      out.kind = Sym::Kind::Number;
      out.value = f_.variable(world_.number(name, true));
      return out;
    case abi::InputRoot::PrincipalMfa:
      out.kind = Sym::Kind::Truth;
      out.value = f_.variable(world_.truth(name));
      return out;
    case abi::InputRoot::PrincipalClaims:
    case abi::InputRoot::ClientIp:
    case abi::InputRoot::CallArgs:
    case abi::InputRoot::Result:
    case abi::InputRoot::ToolDefinition: {
      NodeId node = world_.root(slot.root);
      for (const std::string& step : slot.path) {
        node = world_.child(node, step);
      }
      return read(node, module_.types.strip_optional(slot.type), module_.types.is_optional(slot.type));
    }
    case abi::InputRoot::Window:
    case abi::InputRoot::Params:
    case abi::InputRoot::Argument:
      break;  // dispatch answers them
  }
  return out;
}

/// As the engine does: a member below something that is no object is unreadable, one below nothing absent.
Sym Symbolic::read(NodeId node, TypeId type, bool optional) {
  Sym out = node_value(node, type);
  const FormulaId present = f_.negate(f_.tag_is(node, Tag::Absent));
  FormulaId readable = f_.implies(present, fits(node, type, Reading::Slot));
  for (NodeId up = world_.node(node).parent; up.valid(); up = world_.node(up).parent) {
    readable = f_.both(readable, f_.either(f_.tag_is(up, Tag::Absent), f_.tag_is(up, Tag::Object)));
  }
  world_.ordinary.push_back(readable);
  out.present = present;
  out.ok = optional ? readable : f_.both(readable, present);
  out.digest.add("read").add(world_.path(node)).add(optional ? 1 : 0);
  digest_type(out.digest, type);
  return out;
}

/// The value that a node has as `type`; meaningful where it fits.
Sym Symbolic::node_value(NodeId node, TypeId type) {
  const JsonNode& n = world_.node(node);
  Sym out;
  out.type = type;
  out.ok = out.present = f_.truth(true);
  out.kind = Sym::Kind::Number;
  NumVar number;
  switch (kind(type)) {
    case TypeKind::Bool:
      out.kind = Sym::Kind::Truth;
      out.value = f_.variable(n.truth);
      return out;
    case TypeKind::Int:
    case TypeKind::Decimal:
    case TypeKind::Float:
      out.value = f_.variable(n.number);
      return out;
    case TypeKind::String:
    case TypeKind::Enum:
      out.kind = Sym::Kind::Text;
      out.value = f_.variable(n.text);
      return out;
    case TypeKind::Time:
      parsed(node, "time", &number);
      out.value = f_.variable(number);
      return out;
    case TypeKind::Duration:
      parsed(node, "duration", &number);
      out.value = f_.variable(number);
      return out;
    case TypeKind::Ip:
      if (n.root == abi::InputRoot::ClientIp) {
        parsed(node, "ip", &number);
        out.value = f_.variable(number);
        return out;
      }
      break;  // may be a network: equality and order of those are not followed
    case TypeKind::List:
    case TypeKind::Set:
      if (const TypeKind element = kind(module_.types.get(type).element);
          element == TypeKind::String || element == TypeKind::Enum) {
        auto c = std::make_shared<Collection>();
        c->kind = Collection::Kind::Variable;
        c->variable = elements(node, type);
        out.kind = Sym::Kind::Texts;
        out.texts = std::move(c);
        return out;
      }
      break;
    case TypeKind::Json:
    case TypeKind::Record:
    case TypeKind::Map:
      out.kind = Sym::Kind::Node;
      out.node = node;
      return out;
    case TypeKind::Error:
    case TypeKind::Bytes:
    case TypeKind::Optional:
      break;
  }
  out.kind = Sym::Kind::Opaque;
  return out;
}

FormulaId Symbolic::parsed(NodeId node, const char* as, NumVar* number) {
  const std::string name = world_.path(node) + " as " + as;
  *number = world_.number(name, true, as != std::string_view("ip"));
  if (world_.node(node).parsed.emplace(as, *number).second && as != std::string_view("ip")) {
    world_.ordinary.push_back(f_.compare(FormulaOp::LessEq, f_.number(0), f_.variable(*number)));
    world_.ordinary.push_back(f_.compare(FormulaOp::LessEq, f_.variable(*number), f_.number(kUsualTimeMax)));
  }
  return f_.variable(world_.truth(name, Usual::True));
}

CollVar Symbolic::elements(NodeId node, TypeId type) {
  const types::Type& t = module_.types.get(type);
  Digest d;
  digest_type(d, type);
  const types::Type& element = module_.types.get(t.element);
  const uint32_t allowed = element.kind == TypeKind::Enum ? f_.literal_set(element.members) : UINT32_MAX;
  const CollVar out =
      world_.collection(world_.path(node) + " as " + d.text(), t.kind == TypeKind::Set, allowed);
  std::vector<CollVar>& lists = world_.node(node).lists;
  if (std::find(lists.begin(), lists.end(), out) == lists.end()) {
    lists.push_back(out);
  }
  return out;
}

/// Nothing at or below the node is repeated; members that no rule names count as one more thing that may be.
FormulaId Symbolic::readable(NodeId node) {
  return f_.both(f_.readable(node), f_.negate(f_.variable(world_.node(node).odd)));
}

/// What a node that is there must be to be read as `type`.
FormulaId Symbolic::fits(NodeId node, TypeId type, Reading how) {
  const JsonNode& n = world_.node(node);
  const FormulaId is_text = f_.tag_is(node, Tag::Text);
  const FormulaId is_number = f_.tag_is(node, Tag::Number);
  const FormulaId exact = f_.both(is_number, f_.negate(f_.variable(n.inexact)));
  NumVar number;
  switch (kind(type)) {
    case TypeKind::Bool:
      return f_.tag_is(node, Tag::Bool);
    case TypeKind::Int: {
      const FormulaId whole = f_.both(exact, in_int_range(f_.variable(n.number)));
      const FormulaId out = f_.both(whole, f_.is_int(f_.variable(n.number)));
      // `as int?` takes numbers that are written without a point, an argument of type int any whole one.
      return how == Reading::Cast ? f_.both(out, f_.negate(f_.variable(n.fraction))) : out;
    }
    case TypeKind::Decimal:
      return exact;
    case TypeKind::Float:
      return is_number;
    case TypeKind::String:
      return is_text;
    case TypeKind::Enum:
      return f_.both(is_text, f_.text_in(f_.variable(n.text), module_.types.get(type).members));
    case TypeKind::Time:
      return f_.both(is_text, parsed(node, "time", &number));
    case TypeKind::Duration:
      return f_.both(is_text, parsed(node, "duration", &number));
    case TypeKind::Ip: {
      const FormulaId address = f_.both(is_text, parsed(node, "ip", &number));
      const FormulaId value = f_.variable(number);
      return f_.both(address, f_.both(f_.compare(FormulaOp::LessEq, f_.number(0), value),
                                      f_.compare(FormulaOp::LessEq, value, f_.number(kLastAddress))));
    }
    case TypeKind::List:
    case TypeKind::Set: {
      Digest d;
      digest_type(d, type);
      const std::string name = "the elements of " + world_.path(node) + " fit " + d.text();
      return f_.both(f_.tag_is(node, Tag::List), f_.variable(world_.truth(name, Usual::True)));
    }
    case TypeKind::Map: {
      Digest d;
      digest_type(d, type);
      const std::string name = "the members of " + world_.path(node) + " fit " + d.text();
      return f_.both(f_.both(f_.tag_is(node, Tag::Object), readable(node)),
                     f_.variable(world_.truth(name, Usual::True)));
    }
    case TypeKind::Record: {
      FormulaId out = f_.both(f_.tag_is(node, Tag::Object), readable(node));
      for (const types::Field& field : module_.types.get(type).fields) {
        const NodeId child = world_.child(node, field.name);
        const FormulaId absent = f_.tag_is(child, Tag::Absent);
        const FormulaId good = fits(child, module_.types.strip_optional(field.type), how);
        out = f_.both(out, module_.types.is_optional(field.type) ? f_.either(absent, good)
                                                                 : f_.both(f_.negate(absent), good));
      }
      return out;
    }
    case TypeKind::Json:
      return f_.both(f_.negate(f_.tag_is(node, Tag::Repeated)), readable(node));
    case TypeKind::Bytes:
      return is_text;
    case TypeKind::Error:
    case TypeKind::Optional:
      break;
  }
  return f_.truth(true);
}

/// A member of a record, of json or of a map, by its name.
Sym Symbolic::field(ExprId id, const Expr& e, const Sym& of, const std::string& name) {
  if (of.kind != Sym::Kind::Node) {
    return opaque(id, e, {of}, "a member of a value that is worked out");
  }
  const NodeId child = world_.child(of.node, name);
  const TypeId type = module_.types.strip_optional(e.type);
  Sym out = node_value(child, type);
  out.present = f_.both(of.present, f_.negate(f_.tag_is(child, Tag::Absent)));
  out.ok = of.ok;
  if (!module_.types.is_optional(e.type)) {
    out.ok = f_.both(out.ok, out.present);
    out.present = f_.truth(true);
  }
  if (kind(of.type) == TypeKind::Map) {
    // A map that fits has members that do; which ones there are is not known beforehand.
    out.ok = f_.both(out.ok, f_.implies(out.present, fits(child, type, Reading::Slot)));
  }
  out.digest.add("member").add(of.digest).add(name);
  digest_type(out.digest, e.type);
  return out;
}

Sym Symbolic::cast(ExprId id, const Expr& e) {
  const Sym from = operand(e, 0);
  if (from.kind != Sym::Kind::Node) {
    return opaque(id, e, {from}, "a cast of a value that is worked out");
  }
  const TypeId type = module_.types.strip_optional(e.type);
  Sym out = node_value(from.node, type);
  out.ok = from.ok;
  out.present = f_.both(f_.both(from.present, f_.negate(f_.tag_is(from.node, Tag::Absent))),
                        fits(from.node, type, Reading::Cast));
  return with_digest(std::move(out), e, {from});
}

Sym Symbolic::free_value(TypeId type, const Digest& digest) {
  const std::string name = "?" + digest.text();
  const TypeId inner = module_.types.strip_optional(type);
  Sym out;
  out.type = inner;
  out.digest = digest;
  out.ok = f_.variable(world_.truth(name + " works", Usual::True));
  out.present =
      module_.types.is_optional(type) ? f_.variable(world_.truth(name + " is there")) : f_.truth(true);
  switch (kind(inner)) {
    case TypeKind::Bool:
      out.kind = Sym::Kind::Truth;
      out.value = f_.variable(world_.truth(name));
      break;
    case TypeKind::Int:
    case TypeKind::Time:
    case TypeKind::Duration:
    case TypeKind::Ip:
      out.kind = Sym::Kind::Number;
      out.value = f_.variable(world_.number(name, true));
      break;
    case TypeKind::Decimal:
      out.kind = Sym::Kind::Number;
      out.value = f_.variable(world_.number(name, false));
      break;
    case TypeKind::String:
    case TypeKind::Enum:
      out.kind = Sym::Kind::Text;
      out.value = f_.variable(world_.text(name));
      break;
    case TypeKind::List:
    case TypeKind::Set:
      if (const TypeKind element = kind(module_.types.get(inner).element);
          element == TypeKind::String || element == TypeKind::Enum) {
        auto c = std::make_shared<Collection>();
        c->kind = Collection::Kind::Variable;
        c->variable = world_.collection(name, kind(inner) == TypeKind::Set);
        out.kind = Sym::Kind::Texts;
        out.texts = std::move(c);
      }
      break;
    case TypeKind::Error:
    case TypeKind::Float:  // it may be no number at all, so nothing is said about it
    case TypeKind::Bytes:
    case TypeKind::Json:
    case TypeKind::Record:
    case TypeKind::Map:
    case TypeKind::Optional:
      break;
  }
  return out;
}

Sym Symbolic::opaque(ExprId id, const Expr& e, const std::vector<Sym>& operands, std::string what) {
  Sym out = free_value(e.type, expression_digest(e, operands));
  ++opaque_count_;
  world_.opaque.emplace(out.digest.text(), Opaque{&module_, module_.expr_spans[id.index], std::move(what)});
  for (const Sym& s : operands) {
    out.ok = f_.both(out.ok, s.ok);
  }
  return out;
}

}  // namespace catalyst::analysis
