#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "runtime/decision/engine.h"
#include "runtime/decision/limits.h"
#include "tests/unit/decision/module_maker.h"

// The sanitizers bring operators of their own, which may not be replaced.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define CATALYST_HAS_OWN_NEW 1
#endif
#endif

#ifndef CATALYST_HAS_OWN_NEW

namespace {
std::atomic<size_t> allocations{0};
}  // namespace

void* operator new(size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* p = std::malloc(bytes == 0 ? 1 : bytes)) {
    return p;
  }
  std::abort();
}
void* operator new[](size_t bytes) { return operator new(bytes); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return operator new(bytes); }
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept { return operator new(bytes); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
void operator delete[](void* p, size_t) noexcept { std::free(p); }

namespace catalyst::decision {
namespace {

using ir::Op;
using T = types::TypeTable;

TEST(Allocation, AWarmEvaluatorAllocatesNothing) {
  test::ModuleMaker make;
  make.deny("env", make.guarded(make.optional_arg({"env"}, T::kString),
                                [&](auto v) { return make.boolean(Op::Eq, {v, make.text("prod")}); }));
  make.deny("labels",
            make.boolean(Op::Has, {make.arg({"labels"}, make.module().types.list_of(T::kString)),
                                   make.text("secret")}),
            {{"db", "*"}});
  make.deny("suffix", make.boolean(Op::EndsWith, {make.arg({"path"}, T::kString), make.text(".pem")}))
      .message = make.op(Op::Interpolate, T::kString, {make.text("Not "), make.arg({"path"}, T::kString)});
  ir::Effect set{.kind = ir::EffectKind::Set,
                 .span = {},
                 .target = {},
                 .path = {"tenant"},
                 .value = make.tenant(),
                 .redactions = {},
                 .audit_level = 0,
                 .tag = {}};
  make.effect("set", abi::Hook::Call, make.boolean(Op::Has, {make.roles(), make.text("dev")}), set);
  ir::Effect limit{.kind = ir::EffectKind::Limit, .span = {}};
  limit.count = limit.burst = 1'000'000;
  limit.duration_us = 1'000'000;
  limit.value = make.op(Op::Interpolate, T::kString, {make.text("of "), make.principal_id()});
  make.effect("limit", abi::Hook::Call, {}, limit);
  ir::Effect emit{.kind = ir::EffectKind::Emit, .span = {}};
  emit.tag = "called";
  emit.value = make.tenant();
  make.effect("emit", abi::Hook::Call, {}, emit);
  ir::Effect label{.kind = ir::EffectKind::Label, .span = {}};
  label.tag = "seen";
  make.effect("label", abi::Hook::Call, {}, label);
  make.deny("shadow", make.boolean(Op::EndsWith, {make.tenant(), make.text("me")})).shadow = true;
  ir::Route& route = make.module().routes.emplace_back();
  route.name = "everything";
  route.calls = ir::TargetId{0u};
  route.targets = {{"a", 1}, {"b", 1}};
  route.prefers = {{0, make.boolean(Op::EndsWith, {make.arg({"path"}, T::kString), make.text(".pem")}), {}}};
  route.balance = abi::Balance::Hash;
  route.hash = make.op(Op::Interpolate, T::kString, {make.text("of "), make.principal_id()});
  route.cache = {.ttl_ms = 1000, .scope = abi::CacheScope::Principal};
  route.key = {ir::ExprId(), make.principal_id(), make.roles()};
  const auto pack = make.pack();

  const std::string_view roles[] = {"dev", "oncall"};
  Principal principal{"ana", "acme", roles};
  const std::string_view texts[] = {
      R"({"env":"dev","labels":["a","b"],"path":"x","more":{"deep":[1,2,3]}})",
      R"({"env":"prod"})",
      R"({"env":5,"path":"\u0061.pem"})",
      R"({"labels":["secret"],"path":"id_rsa.pem"})",
      R"({"broken")",
  };
  Evaluator evaluator;
  MemoryLimitStore store(64);
  const auto round = [&] {
    for (const std::string_view args : texts) {
      Request request;
      request.principal = &principal;
      request.server = "db";
      request.tool = "query";
      request.args = args;
      const Verdict& verdict = evaluator.evaluate(*pack, request);
      (void)take(store, *pack, verdict.limits, 0);
      (void)evaluator.route(*pack, request, verdict.route);
      request.hook = abi::Hook::ListTools;
      (void)evaluator.evaluate(*pack, request);
    }
  };
  round();
  round();
  const size_t before = allocations.load();
  for (int i = 0; i < 100; ++i) {
    round();
  }
  EXPECT_EQ(allocations.load() - before, 0u);
}

}  // namespace
}  // namespace catalyst::decision

#endif
