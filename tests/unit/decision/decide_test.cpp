#include <gtest/gtest.h>

#include "runtime/decision/engine.h"
#include "tests/unit/decision/module_maker.h"

namespace catalyst::decision {
namespace {

using test::ModuleMaker;
using T = types::TypeTable;
using ir::Op;

class Decide : public ::testing::Test {
 protected:
  Decide() {
    principal.id = "ana";
    principal.tenant = "acme";
    principal.roles = roles;
    request.principal = &principal;
    request.server = "db";
    request.tool = "query";
  }

  /// By the index; the reference must say the same.
  const Verdict& decide(const Pack& pack) {
    const Verdict& reference = other.evaluate_reference(pack, request);
    const Verdict& verdict = evaluator.evaluate(pack, request);
    EXPECT_EQ(verdict.outcome, reference.outcome);
    EXPECT_EQ(verdict.rule, reference.rule);
    EXPECT_EQ(verdict.message, reference.message);
    EXPECT_EQ(verdict.errors.size(), reference.errors.size());
    EXPECT_EQ(verdict.error.status, reference.error.status);
    return verdict;
  }

  std::vector<std::string_view> roles{"dev", "oncall"};
  Principal principal;
  Request request;
  Evaluator evaluator;
  Evaluator other;
  ModuleMaker make;
};

TEST_F(Decide, DefaultAllowsUntilThePackSaysOtherwise) {
  const auto open = make.pack();
  EXPECT_EQ(decide(*open).outcome, Outcome::Allow);
  EXPECT_EQ(decide(*open).rule, Verdict::kNoRule);
  EXPECT_TRUE(open->ignores(abi::Hook::Call));

  ModuleMaker closed;
  closed.module().default_deny[0] = true;
  const auto pack = closed.pack();
  EXPECT_EQ(decide(*pack).outcome, Outcome::Deny);
  EXPECT_FALSE(pack->ignores(abi::Hook::Call));
}

TEST_F(Decide, DenyBeatsAllowWhateverTheOrder) {
  make.allow("allow_all", {});
  make.deny("deny_risk", make.boolean(Op::Gt, {make.risk(), make.integer(80)})).message =
      make.text("Too risky.");
  const auto pack = make.pack();
  principal.risk = 81;
  EXPECT_EQ(decide(*pack).outcome, Outcome::Deny);
  EXPECT_EQ(decide(*pack).rule_name, "deny_risk");
  EXPECT_EQ(decide(*pack).message, "Too risky.");
  principal.risk = 80;
  EXPECT_EQ(decide(*pack).rule_name, "allow_all");
}

TEST_F(Decide, TargetsSelectTools) {
  make.deny("exact", {}, {{"db", "drop"}});
  make.deny("server", {}, {{"crm", "*"}});
  make.deny("glob", {}, {{"*", "delete_*"}});
  const auto pack = make.pack();
  const auto decided_by = [&](std::string_view server, std::string_view tool) {
    request.server = server;
    request.tool = tool;
    return decide(*pack).rule_name;
  };
  EXPECT_EQ(decided_by("db", "drop"), "exact");
  EXPECT_EQ(decided_by("db", "dropx"), "");
  EXPECT_EQ(decided_by("crm", "anything"), "server");
  EXPECT_EQ(decided_by("mail", "delete_all"), "glob");
  EXPECT_EQ(decided_by("mail", "delete"), "");
}

TEST_F(Decide, ReadsArgumentsByTheirTypes) {
  make.deny("env", make.guarded(make.optional_arg({"env"}, T::kString),
                                [&](auto v) { return make.boolean(Op::Eq, {v, make.text("prod")}); }));
  const auto pack = make.pack();
  request.args = R"({"env":"prod"})";
  EXPECT_EQ(decide(*pack).rule_name, "env");
  request.args = R"({"env":"dev"})";
  EXPECT_EQ(decide(*pack).rule_name, "");
  request.args = R"({"x":[1,{"env":"prod"}]})";
  EXPECT_EQ(decide(*pack).rule_name, "");
  request.args = R"({"\u0065nv":"pro\u0064"})";
  EXPECT_EQ(decide(*pack).rule_name, "env") << "escapes do not hide a member";
  request.args = R"({"env":null})";
  EXPECT_EQ(decide(*pack).rule_name, "");
  request.args = "";
  EXPECT_EQ(decide(*pack).rule_name, "");
}

TEST_F(Decide, WhatCannotBeReadDenies) {
  make.allow("all", {});
  make.deny("env", make.guarded(make.optional_arg({"env"}, T::kString),
                                [&](auto v) { return make.boolean(Op::Eq, {v, make.text("prod")}); }));
  const auto pack = make.pack();
  for (const std::string_view args :
       {R"({"env":1})", R"({"env":"dev","env":"dev"})", R"({"env":"dev")", R"({"env":"dev"}})", R"({"a":01})",
        R"([1])", R"({"env":"dev",})", R"({"a":"\x"})", "{\"a\":\"\n\"}", "x"}) {
    request.args = args;
    const Verdict& verdict = decide(*pack);
    EXPECT_EQ(verdict.rule_name, "env") << args;
    EXPECT_EQ(verdict.error.status, value::Status::BadType) << args;
  }
  const std::string deep = R"({"a":)" + std::string(100, '[') + std::string(100, ']') + "}";
  request.args = deep;
  EXPECT_EQ(decide(*pack).rule_name, "env");
}

TEST_F(Decide, ARequiredArgumentThatIsMissingIsAnError) {
  make.allow("all", make.boolean(Op::Eq, {make.arg({"env"}, T::kString), make.text("dev")}),
             {{"db", "query"}});
  make.deny("env", make.boolean(Op::Eq, {make.arg({"env"}, T::kString), make.text("prod")}),
            {{"db", "query"}});
  const auto pack = make.pack();
  request.args = "{}";
  EXPECT_EQ(decide(*pack).rule_name, "env");
  EXPECT_EQ(decide(*pack).error.status, value::Status::Missing);
  request.tool = "other";
  EXPECT_EQ(decide(*pack).rule_name, "");
  EXPECT_TRUE(decide(*pack).errors.empty());
}

TEST_F(Decide, AnErrorNeverAllows) {
  make.module().default_deny[0] = true;
  make.allow("all", make.boolean(Op::Eq, {make.arg({"env"}, T::kString), make.text("dev")}));
  const auto pack = make.pack();
  request.args = "{}";
  EXPECT_EQ(decide(*pack).outcome, Outcome::Deny);
  ASSERT_EQ(decide(*pack).errors.size(), 1u);
  EXPECT_EQ(decide(*pack).errors[0].status, value::Status::Missing);
}

TEST_F(Decide, RolesAndTenantsOpenTheirBuckets) {
  make.deny("ops", make.boolean(Op::Has, {make.roles(), make.text("oncall")}));
  make.deny("ours", make.boolean(Op::Eq, {make.tenant(), make.text("globex")}));
  make.deny("either", make.boolean(Op::Intersects, {make.roles(), make.texts({"dev", "qa"})}));
  const auto pack = make.pack();
  EXPECT_EQ(decide(*pack).rule_name, "ops");
  roles = {"qa"};
  principal.roles = roles;
  EXPECT_EQ(decide(*pack).rule_name, "either");
  principal.tenant = "globex";
  EXPECT_EQ(decide(*pack).rule_name, "ours");
}

TEST_F(Decide, EffectsOfAllRulesThatMatch) {
  ir::Effect audit{.kind = ir::EffectKind::Audit,
                   .span = {},
                   .target = {},
                   .path = {},
                   .value = {},
                   .redactions = {},
                   .audit_level = 1,
                   .tag = {}};
  ir::Effect full = audit;
  full.audit_level = 2;
  ir::Effect set{.kind = ir::EffectKind::Set,
                 .span = {},
                 .target = {},
                 .path = {"tenant"},
                 .value = make.tenant(),
                 .redactions = {},
                 .audit_level = 0,
                 .tag = {}};
  ir::Effect tag{.kind = ir::EffectKind::Tag,
                 .span = {},
                 .target = {},
                 .path = {},
                 .value = {},
                 .redactions = {},
                 .audit_level = 0,
                 .tag = "seen"};
  make.effect("a", abi::Hook::Call, {}, audit);
  make.effect("b", abi::Hook::Call, make.boolean(Op::Has, {make.roles(), make.text("dev")}), full);
  make.effect("c", abi::Hook::Call, {}, set);
  make.effect("d", abi::Hook::Call,
              make.boolean(Op::Intersects, {make.roles(), make.texts({"dev", "oncall"})}), tag);
  const auto pack = make.pack();
  const Verdict& verdict = decide(*pack);
  EXPECT_EQ(verdict.outcome, Outcome::Allow);
  EXPECT_EQ(verdict.audit, AuditLevel::Full);
  ASSERT_EQ(verdict.sets.size(), 1u);
  EXPECT_EQ(verdict.sets[0].json, "\"acme\"");
  EXPECT_EQ(verdict.sets[0].path[0], "tenant");
  ASSERT_EQ(verdict.tags.size(), 1u) << "once, though two of its roles are there";
  EXPECT_EQ(verdict.tags[0].key, "seen");
  EXPECT_EQ(verdict.tags[0].value, "true");
}

TEST_F(Decide, ASetWithoutAValueDenies) {
  ir::Effect set{.kind = ir::EffectKind::Set,
                 .span = {},
                 .target = {},
                 .path = {"tenant"},
                 .value = make.arg({"org"}, T::kString),
                 .redactions = {},
                 .audit_level = 0,
                 .tag = {}};
  make.effect("set_tenant", abi::Hook::Call, {}, set);
  make.allow("all", {});
  const auto pack = make.pack();
  request.args = R"({"org":"a\"b"})";
  EXPECT_EQ(decide(*pack).outcome, Outcome::Allow);
  EXPECT_EQ(decide(*pack).sets[0].json, R"("a\"b")");
  request.args = "{}";
  EXPECT_EQ(decide(*pack).outcome, Outcome::Deny);
  EXPECT_EQ(decide(*pack).rule_name, "set_tenant");
  EXPECT_TRUE(decide(*pack).sets.empty());
}

TEST_F(Decide, HidesTools) {
  ir::Effect hide{.kind = ir::EffectKind::Hide,
                  .span = {},
                  .target = make.target({{"admin", "*"}}),
                  .path = {},
                  .value = {},
                  .redactions = {},
                  .audit_level = 0,
                  .tag = {}};
  make.effect("hide_admin", abi::Hook::ListTools,
              make.boolean(Op::Not, {make.boolean(Op::Has, {make.roles(), make.text("admin")})}), hide);
  const auto pack = make.pack();
  request.hook = abi::Hook::ListTools;
  request.definition = R"({"name":"query"})";
  EXPECT_FALSE(decide(*pack).hidden);
  request.server = "admin";
  EXPECT_TRUE(decide(*pack).hidden);
  EXPECT_EQ(decide(*pack).rule_name, "hide_admin");
  roles.push_back("admin");
  principal.roles = roles;
  EXPECT_FALSE(decide(*pack).hidden);
}

TEST_F(Decide, OnePackAfterTheOther) {
  ModuleMaker first;
  first.deny("first", {});
  const auto one = first.pack();
  ModuleMaker second;
  second.deny("second", second.boolean(Op::Eq, {second.tenant(), second.text("acme")}));
  const auto two = second.pack();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(decide(*one).rule_name, "first");
    EXPECT_EQ(decide(*two).rule_name, "second");
  }
}

}  // namespace
}  // namespace catalyst::decision
