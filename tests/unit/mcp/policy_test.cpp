// Rules at work on real traffic, through the endpoint: what is hidden is refused, what is denied says who
// said so.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/decision/windows.h"
#include "tests/unit/decision/module_maker.h"
#include "tests/unit/mcp/fakes.h"

namespace catalyst::mcp {
namespace {

using abi::Hook;
using ir::EffectKind;
using ir::Op;
using test::ModuleMaker;
using ::testing::HasSubstr;
using ::testing::Not;
using T = types::TypeTable;

ir::Effect effect(EffectKind kind) {
  return {.kind = kind,
          .span = {},
          .target = {},
          .path = {},
          .value = {},
          .redactions = {},
          .audit_level = 0,
          .tag = {}};
}

class Policy : public ::testing::Test {
 protected:
  Policy() : upstream(std::make_shared<FakeUpstream>("db", Era::Legacy)) {
    upstream->answers = {
        {"tools/list", R"({"tools":[{"name":"query"},{"name":"drop"}]})"},
        {"tools/call", R"({"content":[{"type":"text","text":"mail ana@acme.example now"}]})"}};
  }
  std::string call(Gateway& gateway, const std::string& tool, const std::string& arguments = "{}") {
    FakeExchange exchange =
        modern("tools/call", R"("name":"db__)" + tool + R"(","arguments":)" + arguments + ",", "db__" + tool);
    exchange.who.id = "ana";
    exchange.who.tenant = "acme";
    gateway.run(exchange);
    EXPECT_EQ(exchange.status, 200);
    return exchange.sent;
  }
  std::string list(Gateway& gateway) {
    FakeExchange exchange = modern("tools/list");
    gateway.run(exchange);
    return exchange.sent;
  }

  /// True of calls without the argument `please`: what depends on arguments stays listed.
  ModuleMaker::E unless_asked_nicely() {
    return make.boolean(Op::Not, {make.boolean(Op::IsPresent, {make.optional_arg({"please"}, T::kString)})});
  }

  std::shared_ptr<FakeUpstream> upstream;
  ModuleMaker make;
};

TEST_F(Policy, WhatARuleAlwaysDeniesIsNotListedAndSaysWhyWhenCalled) {
  make.deny("no_drops", {}, {{"db", "drop"}}).message = make.text("Never.");
  Gateway gateway({upstream}, make.pack());
  EXPECT_THAT(list(gateway), HasSubstr("db__query"));
  EXPECT_THAT(list(gateway), Not(HasSubstr("db__drop")));
  EXPECT_THAT(call(gateway, "drop"),
              HasSubstr(R"("error":{"code":1001,"message":"Never.","data":{"rule":"no_drops")"));
  EXPECT_EQ(gateway.observer.kept.back().ruling, Ruling::Deny);
  EXPECT_EQ(gateway.observer.kept.back().rule, "no_drops");
}

TEST_F(Policy, ADenialDoesNotDependOnWhetherTheArgumentsFit) {
  upstream->answers["tools/list"] =
      R"({"tools":[{"name":"drop","inputSchema":{"type":"object","required":["table"]}},)"
      R"({"name":"query","inputSchema":{"type":"object","required":["table"]}},)"
      R"({"name":"spy","inputSchema":{"type":"object","required":["table"]}}]})";
  make.deny("no_drops", {}, {{"db", "drop"}}).message = make.text("Never.");
  ir::Effect hide = effect(EffectKind::Hide);
  hide.target = make.target({{"db", "spy"}});
  make.effect("hide_spy", Hook::ListTools, {}, hide);
  Gateway gateway({upstream}, make.pack());
  EXPECT_THAT(call(gateway, "query"), HasSubstr("isError"));
  EXPECT_THAT(call(gateway, "drop"), HasSubstr(R"("code":1001,"message":"Never.")"));
  EXPECT_EQ(gateway.observer.kept.back().ruling, Ruling::Deny);
  EXPECT_THAT(call(gateway, "spy"), HasSubstr("Unknown tool: db__spy"));
}

TEST_F(Policy, AnArgumentInAnotherCaseIsNotPassedOnUnseen) {
  upstream->answers["tools/list"] =
      R"({"tools":[{"name":"query","inputSchema":{"type":"object","properties":{"path":{}}}}]})";
  make.deny("no_paths", make.boolean(Op::IsPresent, {make.optional_arg({"path"}, T::kString)}),
            {{"db", "query"}});
  Gateway gateway({upstream}, make.pack());
  const size_t before = upstream->seen.size();
  EXPECT_THAT(call(gateway, "query", R"({"path":"x"})"), HasSubstr(R"("rule":"no_paths")"));
  EXPECT_THAT(call(gateway, "query", R"({"Path":"x"})"),
              HasSubstr("/Path differs from path in its case alone"));
  EXPECT_EQ(upstream->seen.size(), before);
  EXPECT_THAT(call(gateway, "query", R"({"other":"x"})"), HasSubstr("ana@"));
}

TEST_F(Policy, WhatIsBothDeniedAndHiddenStaysUnknown) {
  make.deny("no_drops", {}, {{"db", "drop"}}).message = make.text("Never.");
  ir::Effect hide = effect(EffectKind::Hide);
  hide.target = make.target({{"db", "drop"}});
  make.effect("hide_drop", Hook::ListTools, {}, hide);
  Gateway gateway({upstream}, make.pack());
  EXPECT_THAT(call(gateway, "drop"), HasSubstr(R"({"code":-32602,"message":"Unknown tool: db__drop"})"));
  EXPECT_EQ(gateway.observer.kept.back().ruling, Ruling::Hidden);
}

TEST_F(Policy, ADefaultThatDeniesListsWhatSomeArgumentsMayCall) {
  make.module().default_deny[static_cast<size_t>(Hook::Call)] = true;
  make.allow("queries", make.boolean(Op::IsPresent, {make.optional_arg({"q"}, T::kString)}),
             {{"db", "query"}});
  Gateway gateway({upstream}, make.pack());
  EXPECT_THAT(list(gateway), HasSubstr("db__query"));
  EXPECT_THAT(list(gateway), Not(HasSubstr("db__drop")));
  EXPECT_THAT(call(gateway, "query"), HasSubstr(R"("code":1001)"));
  EXPECT_THAT(call(gateway, "query", R"({"q":"x"})"), HasSubstr("ana@acme.example"));
  EXPECT_THAT(call(gateway, "drop"), HasSubstr("Unknown tool"));
}

TEST_F(Policy, ADenialNamesItsRuleAndReachesNoServer) {
  make.deny("no_drops", unless_asked_nicely(), {{"db", "drop"}}).message = make.text("Not in production.");
  Gateway gateway({upstream}, make.pack());
  const size_t before = upstream->seen.size();
  EXPECT_THAT(
      call(gateway, "drop"),
      HasSubstr(
          R"("error":{"code":1001,"message":"Not in production.","data":{"rule":"no_drops","pack":"test@1.0.0","request_id":"req-1"}})"));
  EXPECT_EQ(upstream->seen.size(), before);
  EXPECT_EQ(gateway.observer.kept.back().ruling, Ruling::Deny);
  EXPECT_EQ(gateway.observer.kept.back().rule, "no_drops");
  EXPECT_THAT(call(gateway, "query"), HasSubstr("ana@acme.example"));
  EXPECT_EQ(gateway.observer.kept.back().ruling, Ruling::Allow);
}

TEST_F(Policy, AHiddenToolIsRefusedLikeOneThatIsNot) {
  ir::Effect hide = effect(EffectKind::Hide);
  hide.target = make.target({{"db", "drop"}});
  make.effect("hide_drop", Hook::ListTools, {}, hide);
  Gateway gateway({upstream}, make.pack());
  EXPECT_THAT(list(gateway), HasSubstr("db__query"));
  EXPECT_THAT(list(gateway), Not(HasSubstr("db__drop")));
  const std::string hidden = call(gateway, "drop");
  std::string absent = call(gateway, "none");
  EXPECT_EQ(gateway.observer.kept[gateway.observer.kept.size() - 2].ruling, Ruling::Hidden);
  absent.replace(absent.find("none"), 4, "drop");
  EXPECT_EQ(hidden, absent);
  EXPECT_THAT(hidden, HasSubstr(R"({"code":-32602,"message":"Unknown tool: db__drop"})"));
}

TEST_F(Policy, SetsChangeOnlyWhatTheyName) {
  ir::Effect set = effect(EffectKind::Set);
  set.path = {"tenant"};
  set.value = make.tenant();
  make.effect("tenant", Hook::Call, {}, set);
  Gateway gateway({upstream}, make.pack());
  call(gateway, "query", R"({ "sql":"1", "tenant":"evil" })");
  EXPECT_THAT(upstream->seen.back().params, HasSubstr(R"("sql":"1")"));
  EXPECT_THAT(upstream->seen.back().params, HasSubstr(R"("tenant":"acme")"));
  EXPECT_THAT(upstream->seen.back().params, Not(HasSubstr("evil")));
  EXPECT_THAT(upstream->seen.back().params, HasSubstr(R"("name":"query")"));
}

TEST_F(Policy, RedactsResultsAndRecordsWhatWentOut) {
  make.module().redactions.push_back({"mail", "[a-z]+@[a-z.]+", {}});
  ir::Effect redact = effect(EffectKind::Redact);
  redact.redactions = {0};
  make.effect("mask", Hook::Result, {}, redact);
  ir::Effect audit = effect(EffectKind::Audit);
  audit.audit_level = 2;
  make.effect("audit", Hook::Call, {}, audit);
  Gateway gateway({upstream}, make.pack());
  const std::string answer = call(gateway, "query", R"({"q":1})");
  EXPECT_THAT(answer, HasSubstr("mail [redacted] now"));
  EXPECT_THAT(answer, HasSubstr("resultType"));
  const FakeObserver::Kept& kept = gateway.observer.kept.back();
  EXPECT_EQ(kept.redactions, 1U);
  EXPECT_EQ(kept.audit, decision::AuditLevel::Full);
  EXPECT_EQ(kept.arguments, R"({"q":1})");
  EXPECT_THAT(kept.result, HasSubstr("[redacted]"));
  EXPECT_THAT(kept.result, Not(HasSubstr("ana@")));
}

TEST_F(Policy, ADeniedResultDoesNotLeave) {
  make.rule("no_results", Hook::Result, ir::TargetId{0U}, {}, ir::VerdictKind::Deny);
  Gateway gateway({upstream}, make.pack());
  const std::string answer = call(gateway, "query");
  EXPECT_THAT(answer, HasSubstr(R"("message":"Denied by policy.","data":{"rule":"no_results")"));
  EXPECT_THAT(answer, Not(HasSubstr("ana@")));
}

TEST_F(Policy, ALimitDeniesWithTheTimeToWait) {
  ir::Effect limit = effect(EffectKind::Limit);
  limit.count = 2;
  limit.burst = 2;
  limit.duration_us = 3'600'000'000;
  limit.value = make.principal_id();
  make.effect("budget", Hook::Call, {}, limit);
  Gateway gateway({upstream}, make.pack());
  EXPECT_THAT(call(gateway, "query"), HasSubstr("ana@"));
  EXPECT_THAT(call(gateway, "query"), HasSubstr("ana@"));
  const size_t before = upstream->seen.size();
  const std::string denied = call(gateway, "query");
  EXPECT_THAT(denied, HasSubstr(R"("rule":"budget")"));
  EXPECT_THAT(denied, HasSubstr(R"("retry_after_ms":)"));
  EXPECT_EQ(upstream->seen.size(), before);
  EXPECT_EQ(gateway.observer.kept.back().ruling, Ruling::Deny);
}

TEST_F(Policy, ARequirementThatNobodyCanFulfilDeniesAndNamesIt) {
  ir::Effect require = effect(EffectKind::Require);
  require.tag = "approval";
  require.role = "dba";
  make.effect("ask_a_human", Hook::Call, {}, require);
  Gateway gateway({upstream}, make.pack());
  const std::string denied = call(gateway, "query");
  EXPECT_THAT(denied,
              HasSubstr(R"(This needs approval from role \"dba\", and nothing here can ask for it.)"));
  EXPECT_THAT(denied, HasSubstr(R"("requires":[{"what":"approval","role":"dba","rule":"ask_a_human"}])"));
}

TEST_F(Policy, WhatIsHeldBackNamesAllThatIsMissingAndStartsNothing) {
  ir::Effect approval = effect(EffectKind::Require);
  approval.tag = "approval";
  approval.duration_us = 600'000'000;
  make.effect("ask_a_human", Hook::Call, {}, approval);
  ir::Effect mfa = effect(EffectKind::Require);
  mfa.tag = "mfa";
  make.effect("twice", Hook::Call, {}, mfa);
  ir::Effect start = effect(EffectKind::Start);
  start.tag = "review";
  make.effect("reviews", Hook::Call, {}, start);
  ir::Effect emit = effect(EffectKind::Emit);
  emit.tag = "asked";
  make.effect("news", Hook::Call, {}, emit);
  Gateway gateway({upstream}, make.pack());
  const std::string denied = call(gateway, "query");
  EXPECT_THAT(denied, HasSubstr("This needs approval, and nothing here can ask for it. This needs a second "
                                "factor, and you have signed in without."));
  EXPECT_THAT(denied, HasSubstr(R"("requires":[{"what":"approval","within_ms":600000,"rule":"ask_a_human"},)"
                                R"({"what":"mfa","rule":"twice"}])"));
  EXPECT_EQ(gateway.observer.kept.back().events, (std::vector<std::string>{"asked "}));
}

TEST_F(Policy, LabelsFollowWhoeverGotThem) {
  ir::Effect label = effect(EffectKind::Label);
  label.tag = "pii";
  make.effect("mark", Hook::Result, {}, label);
  const auto labels = make.slot(abi::InputRoot::Labels, {}, make.module().types.set_of(T::kString));
  make.deny("no_leak", make.boolean(Op::Has, {labels, make.text("pii")}), {{"db", "drop"}});
  Gateway gateway({upstream}, make.pack());
  EXPECT_THAT(call(gateway, "drop"), HasSubstr("ana@"));
  EXPECT_THAT(call(gateway, "drop"), HasSubstr(R"("rule":"no_leak")"));
  EXPECT_THAT(call(gateway, "query"), HasSubstr("ana@"));
  EXPECT_THAT(list(gateway), HasSubstr("db__drop")) << "labels do not change what is listed";
}

TEST_F(Policy, AWindowCountsWhatWasSentAndNothingElse) {
  const ir::TargetId queries = make.target({{"db", "query"}});
  ir::Window window;
  window.name = "count(call db.query by principal.id within 1h)";
  window.target = queries;
  window.key = make.principal_id();
  window.within_us = 3'600'000'000;
  make.module().windows.push_back(window);
  const auto count = make.slot(abi::InputRoot::Window, {window.name}, T::kInt);
  make.module().window_reads.push_back(
      {ir::WindowId(0U), ir::SlotId(make.module().expr(count).payload), make.principal_id(), 0});
  make.deny("enough", make.boolean(Op::Ge, {count, make.integer(2)}), {{"db", "*"}});
  make.deny("odd", make.boolean(Op::IsPresent, {make.optional_arg({"odd"}, T::kString)}), {{"db", "query"}});
  decision::MemoryWindowStore windows(1024, {});
  EndpointOptions options;
  options.windows = &windows;
  Gateway gateway({upstream}, make.pack(), std::move(options));
  EXPECT_THAT(call(gateway, "query", R"({"odd":"x"})"), HasSubstr(R"("rule":"odd")"));
  EXPECT_THAT(call(gateway, "drop"), HasSubstr("ana@"));
  EXPECT_THAT(call(gateway, "query"), HasSubstr("ana@"));
  EXPECT_THAT(call(gateway, "query"), HasSubstr("ana@")) << "one was sent, and this is the second";
  EXPECT_THAT(call(gateway, "query"), HasSubstr(R"("rule":"enough")"));
  EXPECT_THAT(call(gateway, "drop"), HasSubstr(R"("rule":"enough")"));
  EXPECT_THAT(list(gateway), HasSubstr("db__query")) << "windows do not change what is listed";
}

TEST_F(Policy, EventsAreHeardAndChainsEnd) {
  const auto emits = [this](const char* rule, Hook hook, std::vector<ir::TargetPattern> on,
                            const char* event) {
    ir::Effect emit = effect(EffectKind::Emit);
    emit.tag = event;
    make.rule(rule, hook, make.target(std::move(on)), {}, ir::VerdictKind::None).effects.push_back(emit);
  };
  emits("called", Hook::Call, {{"db", "query"}}, "first");
  emits("second", Hook::Event, {{"*", "first"}}, "second");
  emits("round", Hook::Call, {{"db", "drop"}}, "round");
  emits("and_round", Hook::Event, {{"*", "round"}}, "round");
  ir::Effect tag = effect(EffectKind::Tag);
  tag.tag = "heard";
  make.rule("heard", Hook::Event, make.target({{"*", "second"}}), {}, ir::VerdictKind::None)
      .effects.push_back(tag);
  EndpointOptions options;
  options.event_depth = 3;
  Gateway gateway({upstream}, make.pack(), std::move(options));
  EXPECT_THAT(call(gateway, "query"), HasSubstr("ana@"));
  EXPECT_THAT(gateway.observer.kept.back().events, ::testing::ElementsAre("first ", "second "));
  EXPECT_THAT(gateway.observer.kept.back().tags, ::testing::ElementsAre("heard"));
  EXPECT_THAT(call(gateway, "drop"), HasSubstr("ana@"));
  EXPECT_THAT(gateway.observer.kept.back().events,
              ::testing::ElementsAre("round ", "round ", "round ", "round !"));
  EXPECT_EQ(gateway.observer.kept.back().ruling, Ruling::Allow);
}

TEST_F(Policy, ADescriptionIsReplacedInListsAlone) {
  upstream->answers["tools/list"] =
      R"({"tools":[{"name":"query","description":"Asks."},{"name":"drop","title":"Drop"}]})";
  ir::Effect describe = effect(EffectKind::Describe);
  describe.value = make.text("Ask \"nicely\".");
  make.rule("nice", Hook::ListTools, make.target({{"db", "query"}}), {}, ir::VerdictKind::None)
      .effects.push_back(describe);
  Gateway gateway({upstream}, make.pack());
  EXPECT_THAT(list(gateway), HasSubstr(R"("description":"Ask \"nicely\".")"));
  EXPECT_THAT(list(gateway), Not(HasSubstr("Asks.")));
  EXPECT_THAT(list(gateway), HasSubstr(R"("title":"Drop")"));
  EXPECT_THAT(call(gateway, "query"), HasSubstr("ana@"));
}

TEST_F(Policy, WhoIsDeniedIsToldWhatToDo) {
  ir::Rule& rule = make.deny("no_drops", unless_asked_nicely(), {{"db", "drop"}});
  rule.guidance = "Say please.";
  rule.owner = "manners";
  Gateway gateway({upstream}, make.pack());
  EXPECT_THAT(call(gateway, "drop"), HasSubstr(R"("guidance":"Say please.","owner":"manners")"));
}

class OtherHooks : public Policy {
 protected:
  OtherHooks() {
    upstream->answers["resources/list"] =
        R"({"resources":[{"uri":"file:///a","name":"a"},{"uri":"file:///key","name":"key"}]})";
    upstream->answers["resources/read"] =
        R"({"contents":[{"uri":"file:///a","text":"mail ana@acme.example now"}]})";
    upstream->answers["prompts/list"] = R"({"prompts":[{"name":"sum"},{"name":"draft"}]})";
    upstream->answers["prompts/get"] = R"({"messages":[]})";
    upstream->answers["completion/complete"] = R"({"completion":{"values":["x"]}})";
  }
  std::string ask(Gateway& gateway, const std::string& method, const std::string& params = "",
                  const std::string& name = "") {
    FakeExchange exchange = modern(method, params, name);
    gateway.run(exchange);
    return exchange.sent;
  }
  ir::Effect hide() { return effect(EffectKind::Hide); }
};

TEST_F(OtherHooks, ResourcesAreListedAndReadByRules) {
  make.rule("no_keys", Hook::Read, make.target({{"*", "*/key"}}), {}, ir::VerdictKind::Deny);
  make.module().redactions.push_back({"mail", "[a-z]+@[a-z.]+", {}});
  ir::Effect redact = effect(EffectKind::Redact);
  redact.redactions = {0};
  redact.path = {"contents", "text"};
  make.effect("mask", Hook::Read, {}, redact);
  Gateway gateway({upstream}, make.pack());
  EXPECT_THAT(ask(gateway, "resources/read", R"("uri":"file:///a",)", "file:///a"),
              HasSubstr("mail [redacted] now"));
  const size_t before = upstream->seen.size();
  EXPECT_THAT(ask(gateway, "resources/read", R"("uri":"file:///key",)", "file:///key"),
              HasSubstr(R"("data":{"rule":"no_keys")"));
  EXPECT_EQ(upstream->seen.size(), before);
}

TEST_F(OtherHooks, HiddenResourcesAreNotFound) {
  make.effect("hide_keys", Hook::ListResources, {}, hide()).target = make.target({{"*", "*/key"}});
  Gateway gateway({upstream}, make.pack());
  const std::string listed = ask(gateway, "resources/list");
  EXPECT_THAT(listed, HasSubstr("file:///a"));
  EXPECT_THAT(listed, Not(HasSubstr("key")));
  EXPECT_THAT(ask(gateway, "resources/read", R"("uri":"file:///key",)", "file:///key"),
              HasSubstr("Resource not found: file:///key"));
  EXPECT_EQ(gateway.observer.kept.back().ruling, Ruling::Hidden);
}

TEST_F(OtherHooks, PromptsAreListedFetchedAndCompletedByRules) {
  make.effect("hide_drafts", Hook::ListPrompts, {}, hide()).target = make.target({{"db", "draft"}});
  ir::Effect set = effect(EffectKind::Set);
  set.path = {"tenant"};
  set.value = make.text("acme");
  make.effect("tenant", Hook::Prompt, {}, set);
  make.rule("no_guesses", Hook::Complete, make.target({{"db", "sum"}}), {}, ir::VerdictKind::Deny);
  Gateway gateway({upstream}, make.pack());
  EXPECT_THAT(ask(gateway, "prompts/list"), Not(HasSubstr("draft")));
  EXPECT_THAT(ask(gateway, "prompts/get", R"("name":"db__draft",)", "db__draft"),
              HasSubstr("Unknown prompt: db__draft"));
  ask(gateway, "prompts/get", R"("name":"db__sum","arguments":{"tenant":"evil"},)", "db__sum");
  EXPECT_THAT(upstream->seen.back().params, HasSubstr(R"("tenant":"acme")"));
  EXPECT_THAT(ask(gateway, "completion/complete",
                  R"("ref":{"type":"ref/prompt","name":"db__sum"},"argument":{"name":"a","value":"b"},)"),
              HasSubstr(R"("rule":"no_guesses")"));
}

TEST_F(OtherHooks, APromptThatARuleAlwaysDeniesSaysWhy) {
  make.rule("no_drafts", Hook::Prompt, make.target({{"db", "draft"}}), {}, ir::VerdictKind::Deny).message =
      make.text("Unfinished.");
  Gateway gateway({upstream}, make.pack());
  EXPECT_THAT(ask(gateway, "prompts/list"), Not(HasSubstr("draft")));
  EXPECT_THAT(ask(gateway, "prompts/get", R"("name":"db__draft",)", "db__draft"),
              HasSubstr(R"("code":1001,"message":"Unfinished.")"));
}

TEST_F(OtherHooks, AClientThatMayNotConnectGetsNothing) {
  make.rule("nobody", Hook::Session, ir::TargetId{0U}, {}, ir::VerdictKind::Deny);
  Gateway gateway({upstream}, make.pack());
  const size_t before = upstream->seen.size();
  EXPECT_THAT(ask(gateway, "server/discover"), HasSubstr(R"("rule":"nobody")"));
  EXPECT_THAT(ask(gateway, "tools/list"), HasSubstr(R"("rule":"nobody")"));
  EXPECT_EQ(gateway.open(), "");
  EXPECT_EQ(gateway.observer.kept.back().rule, "nobody");
  EXPECT_EQ(upstream->seen.size(), before);
}

TEST_F(Policy, ASwapDecidesTheNextRequest) {
  Gateway gateway({upstream});
  EXPECT_THAT(call(gateway, "query"), HasSubstr("ana@"));
  make.deny("all", unless_asked_nicely());
  gateway.engine.swap(make.pack());
  EXPECT_THAT(call(gateway, "query"), HasSubstr(R"("code":1001)"));
}

}  // namespace
}  // namespace catalyst::mcp
