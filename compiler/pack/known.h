#pragma once

#include "compiler/ir/ir.h"
#include "compiler/pack/manifest.h"

// Which numbers are enumerators. Switches without a default: a new enumerator breaks the build until it is
// listed.

namespace catalyst::pack {

constexpr bool known(ir::Op x) {
  switch (x) {
#define OP(name, text, arity) case ir::Op::name:
#include "compiler/ir/op.def"
#undef OP
    return true;
  }
  return false;
}

constexpr bool known(abi::InputRoot x) {
  switch (x) {
#define INPUT_ROOT(name, text, trusted) case abi::InputRoot::name:
#include "runtime/abi/input_root.def"
#undef INPUT_ROOT
    return true;
  }
  return false;
}

constexpr bool known(abi::Hook x) {
  switch (x) {
#define HOOK(name, text, target, set_root) case abi::Hook::name:
#include "runtime/abi/hook.def"
#undef HOOK
    return true;
  }
  return false;
}

constexpr bool known(types::TypeKind x) {
  using types::TypeKind;
  switch (x) {
    case TypeKind::Error:
    case TypeKind::Bool:
    case TypeKind::Int:
    case TypeKind::Decimal:
    case TypeKind::Float:
    case TypeKind::String:
    case TypeKind::Bytes:
    case TypeKind::Time:
    case TypeKind::Duration:
    case TypeKind::Ip:
    case TypeKind::Json:
    case TypeKind::Enum:
    case TypeKind::Record:
    case TypeKind::List:
    case TypeKind::Set:
    case TypeKind::Map:
    case TypeKind::Optional:
      return true;
  }
  return false;
}

constexpr bool known(value::Kind x) {
  using value::Kind;
  switch (x) {
    case Kind::Absent:
    case Kind::Bool:
    case Kind::Int:
    case Kind::Decimal:
    case Kind::Float:
    case Kind::String:
    case Kind::Bytes:
    case Kind::Time:
    case Kind::Duration:
    case Kind::Ip:
    case Kind::List:
    case Kind::Map:
      return true;
    case Kind::Invalid:  // of inputs alone, never of a constant
      return false;
  }
  return false;
}

constexpr bool known(ir::VerdictKind x) {
  using ir::VerdictKind;
  switch (x) {
    case VerdictKind::None:
    case VerdictKind::Allow:
    case VerdictKind::Deny:
      return true;
  }
  return false;
}

constexpr bool known(ir::EffectKind x) {
  using ir::EffectKind;
  switch (x) {
    case EffectKind::Hide:
    case EffectKind::Set:
    case EffectKind::Redact:
    case EffectKind::Audit:
    case EffectKind::Tag:
    case EffectKind::Limit:
    case EffectKind::Require:
    case EffectKind::Emit:
    case EffectKind::Start:
    case EffectKind::Route:
    case EffectKind::Label:
    case EffectKind::Describe:
      return true;
  }
  return false;
}

constexpr bool known(abi::OnError x) {
  switch (x) {
    case abi::OnError::Usual:
    case abi::OnError::Deny:
    case abi::OnError::Skip:
      return true;
  }
  return false;
}

constexpr bool known(abi::WindowKind x) {
  switch (x) {
    case abi::WindowKind::Count:
    case abi::WindowKind::Sum:
    case abi::WindowKind::Distinct:
      return true;
  }
  return false;
}

constexpr bool known(abi::RedactPlace x) {
  switch (x) {
    case abi::RedactPlace::Params:
    case abi::RedactPlace::Result:
      return true;
  }
  return false;
}

constexpr bool known(abi::Balance x) {
  switch (x) {
    case abi::Balance::Weighted:
    case abi::Balance::LeastLoaded:
    case abi::Balance::Hash:
      return true;
  }
  return false;
}

constexpr bool known(abi::CacheScope x) {
  switch (x) {
    case abi::CacheScope::Principal:
    case abi::CacheScope::Tenant:
    case abi::CacheScope::Shared:
      return true;
  }
  return false;
}

constexpr bool known(ir::RedactionCheck x) {
  using ir::RedactionCheck;
  switch (x) {
    case RedactionCheck::None:
    case RedactionCheck::Luhn:
    case RedactionCheck::Iban:
      return true;
  }
  return false;
}

constexpr bool known(ir::TestExpectation::Kind x) {
  using Kind = ir::TestExpectation::Kind;
  switch (x) {
    case Kind::Allow:
    case Kind::Deny:
    case Kind::Hidden:
    case Kind::Listed:
    case Kind::Set:
    case Kind::Redact:
    case Kind::Audit:
    case Kind::Tag:
    case Kind::Error:
    case Kind::Message:
    case Kind::Limit:
    case Kind::Require:
    case Kind::Emit:
    case Kind::Start:
    case Kind::Route:
    case Kind::Label:
    case Kind::Describe:
    case Kind::Result:
      return true;
  }
  return false;
}

constexpr bool known(ir::HitPolicy x) {
  using ir::HitPolicy;
  switch (x) {
    case HitPolicy::Rules:
    case HitPolicy::Unique:
    case HitPolicy::First:
    case HitPolicy::Any:
    case HitPolicy::Collect:
      return true;
  }
  return false;
}

constexpr bool known(ir::TableTest::Kind x) {
  using Kind = ir::TableTest::Kind;
  switch (x) {
    case Kind::Between:
    case Kind::Prefix:
    case Kind::Suffix:
    case Kind::Contains:
    case Kind::Glob:
      return true;
  }
  return false;
}

constexpr bool known(InputKind x) {
  switch (x) {
    case InputKind::Source:
    case InputKind::Schema:
      return true;
  }
  return false;
}

}  // namespace catalyst::pack
