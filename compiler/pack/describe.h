#pragma once

#include <concepts>
#include <type_traits>

#include "compiler/ir/ir.h"
#include "compiler/pack/manifest.h"
#include "compiler/pack/native_object.h"
#include "compiler/pack/wire.h"

// What every struct in a pack consists of, said once for writing, reading and the format's fingerprint. A
// structured binding names all fields of its struct: whoever adds one is sent here by the compiler.

namespace catalyst::pack {

template <class T, class Described>
concept Same = std::same_as<std::remove_const_t<T>, Described>;

#define DESCRIBE(Type, ...)                       \
  template <class Archive, Same<Type> T>          \
  void fields(Archive& archive_, T& described_) { \
    auto& [__VA_ARGS__] = described_;             \
    archive_.describe(#Type, #__VA_ARGS__);       \
    archive_(__VA_ARGS__);                        \
  }

DESCRIBE(source::Span, file, begin, end)
DESCRIBE(types::Field, name, type)
DESCRIBE(types::Type, kind, name, members, fields, element, anonymous)
DESCRIBE(ir::Expr, op, type, payload, operands_begin, operand_count)
DESCRIBE(ir::Slot, root, path, type)
DESCRIBE(ir::Fact, name, value, local_count)
DESCRIBE(ir::Function, name, parameters, result, body, local_count)
DESCRIBE(ir::TableTest, kind, low, high, low_included, high_included)
DESCRIBE(ir::TableCell, absent, negated, tests)
DESCRIBE(ir::TableColumn, type, cells, rows)
DESCRIBE(ir::Table, columns, row_count)
DESCRIBE(ir::Decision::Row, name, span)
DESCRIBE(ir::Decision, name, doc, span, function, policy, parameters, chooser, call, rows, has_otherwise)
DESCRIBE(ir::TargetPattern, server, tool)
DESCRIBE(ir::Target, patterns)
DESCRIBE(ir::Effect, kind, span, target, path, place, value, redactions, audit_level, tag, role, count, burst,
         duration_us)
DESCRIBE(ir::Redaction, name, pattern, check)
DESCRIBE(ir::Rule, name, doc, span, hook, target, condition, local_count, verdict, message, effects, shadow,
         owner, ticket, guidance, on_error)
DESCRIBE(abi::RouteTarget, server, weight)
DESCRIBE(abi::RetryPolicy, attempts, on, backoff_min_ms, backoff_max_ms)
DESCRIBE(abi::BreakerPolicy, failures, window_ms, open_ms)
DESCRIBE(abi::CachePolicy, ttl_ms, scope)
DESCRIBE(abi::ShadowPolicy, server, share_ppm)
DESCRIBE(ir::RoutePrefer, target, condition, span)
DESCRIBE(ir::Route, name, doc, span, calls, targets, prefers, balance, hash, timeout_ms, retry, breaker,
         hedge_after_ms, cache, key, shadow, repeatable, local_count)
DESCRIBE(ir::Window, name, span, kind, hook, target, key, value, local_count, within_us)
DESCRIBE(ir::WindowRead, window, slot, key, local_count)
DESCRIBE(ir::Property, name, doc, span, hook, target, condition, local_count, allowed)
DESCRIBE(ir::PastCall, hook, server, tool, args, params, times, ago_us)
DESCRIBE(ir::TestExpectation, kind, span, by, path, place, text, key, negated)
DESCRIBE(ir::TestClaim, span, condition, left, right, local_count)
DESCRIBE(ir::Test, title, span, claims, decision, hook, server, tool, principal, session, labels, client,
         args, params, result, definition, now_us, past, expectations)
DESCRIBE(SourceText, path, text, imported)
DESCRIBE(Input, kind, path, bytes, sha256)
DESCRIBE(Part, name, bytes, sha256)
DESCRIBE(Manifest, name, version, sequence, language, compiler, ir_format, rules, tests, tests_sha256, inputs,
         parts)
DESCRIBE(Signature, key, bytes)
DESCRIBE(abi::Target, triple, cpu, features, llvm, program)
DESCRIBE(NativeObject, target, made_from, code)

#undef DESCRIBE

/// Constants point into the module's arena, which is no field of the notation.
template <class Archive, Same<ir::Module> T>
void fields(Archive& archive, T& module) {
  auto& [pack_name, pack_version, default_deny, types, exprs, expr_spans, operands, consts, const_types,
         regexes, redactions, slots, facts, functions, tables, decisions, targets, windows, window_reads,
         rules, routes, properties, tests, known_tools, const_arena] = module;
  archive.describe(
      "Module",
      "pack_name, pack_version, default_deny, types, exprs, expr_spans, operands, consts, const_types, "
      "regexes, redactions, slots, facts, functions, tables, decisions, targets, windows, window_reads, "
      "rules, routes, properties, tests, known_tools");
  archive.use_arena(const_arena);
  archive(pack_name, pack_version, default_deny, types, exprs, expr_spans, operands, consts, const_types,
          regexes, redactions, slots, facts, functions, tables, decisions, targets, windows, window_reads,
          rules, routes, properties, tests, known_tools);
}

}  // namespace catalyst::pack
