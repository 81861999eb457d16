#pragma once

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "runtime/decision/engine.h"
#include "tests/unit/decision/module_maker.h"

// Random packs and requests, whatever is absent, repeated or of another type, to compare the ways to decide.

namespace catalyst::test {

using decision::Evaluator;
using decision::Pack;
using decision::Principal;
using decision::Request;
using decision::Verdict;

/// A random pack for the call hook, with conditions of every form that the planner takes apart, and some that
/// it does not.
class RandomPack {
  using T = types::TypeTable;
  using Op = ir::Op;
  using E = ModuleMaker::E;

 public:
  explicit RandomPack(uint32_t seed) : random_(seed) {}

  /// Fills the module; call once, before anything reads it.
  void fill() {
    make_.module().default_deny[0] = chance(50);
    add_fact();
    const int rules = 1 + number(60);
    for (int i = 0; i < rules; ++i) {
      const auto verdict = static_cast<ir::VerdictKind>(number(3));
      ir::Rule& rule = make_.rule("r" + std::to_string(i), abi::Hook::Call, target(),
                                  chance(10) ? E{} : condition(1 + number(4)), verdict);
      if (verdict == ir::VerdictKind::None || chance(10)) {
        ir::Effect effect{.kind = chance(50) ? ir::EffectKind::Tag : ir::EffectKind::Set,
                          .span = {},
                          .target = {},
                          .path = {"p" + std::to_string(i)},
                          .value = {},
                          .redactions = {},
                          .audit_level = 0,
                          .tag = "t"};
        effect.value = chance(50) ? make_.tenant() : make_.arg({"plain"}, T::kString);
        make_.module().rules.back().effects.push_back(effect);
      }
      (void)rule;
    }
  }

  ModuleMaker& make() { return make_; }

  int number(int below) { return static_cast<int>(random_() % static_cast<uint32_t>(below)); }
  bool chance(int percent) { return number(100) < percent; }
  std::string word() { return kWords[number(5)]; }
  std::string part() { return kParts[number(6)]; }

 private:
  static constexpr const char* kWords[] = {"a", "b", "prod", "eight888", "a longer word"};
  static constexpr const char* kParts[] = {"", "o", "88", "ong", "prod", "word word"};

  void add_fact() {
    ir::Fact fact;
    fact.name = "f";
    fact.value = condition(2);
    make_.module().facts.push_back(fact);
    has_fact_ = true;
  }

  ir::TargetId target() {
    const auto pattern = [&]() -> ir::TargetPattern {
      const char* servers[] = {"s1", "s2", "*"};
      const char* tools[] = {"one", "two", "*", "t*"};
      return {servers[number(3)], tools[number(4)]};
    };
    switch (number(4)) {
      case 0:
        return make_.target({});
      case 1:
        return make_.target({pattern(), pattern()});
      default:
        return make_.target({pattern()});
    }
  }

  E condition(int parts) {
    E all = conjunct();
    for (int i = 1; i < parts; ++i) {
      all = make_.both(all, conjunct());
    }
    return all;
  }

  E conjunct() {
    const E c = positive();
    return chance(20) ? make_.boolean(Op::Not, {c}) : c;
  }

  E comparison(E value, int64_t bound) {
    const Op ops[] = {Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge};
    const Op op = ops[number(6)];
    return chance(50) ? make_.boolean(op, {value, make_.integer(bound)})
                      : make_.boolean(op, {make_.integer(bound), value});
  }

  E text_test(E value) {
    const auto contains = [&](const std::string& part) {
      return make_.boolean(Op::StringContains, {value, make_.text(part)});
    };
    switch (number(7)) {
      case 5:
        return contains(part());
      case 6:
        return make_.boolean(chance(70) ? Op::Or : Op::And, {contains(part()), contains(part())});
      case 0:
        return make_.boolean(Op::StartsWith, {value, make_.text(word())});
      case 1:
        return make_.boolean(Op::Has, {make_.texts({word(), word()}), value});
      case 2:
        return make_.boolean(Op::Or, {make_.boolean(Op::Eq, {value, make_.text(word())}),
                                      make_.boolean(Op::Eq, {value, make_.text(word())})});
      case 3:
        return make_.boolean(Op::EndsWith, {value, make_.text(word())});
      default:
        return make_.boolean(chance(70) ? Op::Eq : Op::Ne, {value, make_.text(word())});
    }
  }

  E set_test(E set) {
    return chance(50) ? make_.boolean(Op::Has, {set, make_.text(word())})
                      : make_.boolean(Op::Intersects, {set, make_.texts({word(), word()})});
  }

  E positive() {
    const types::TypeId list = make_.module().types.list_of(T::kString);
    switch (number(14)) {
      case 0:
        return text_test(make_.tenant());
      case 1:
        return text_test(make_.principal_id());
      case 2:
        return set_test(make_.roles());
      case 3:
        return comparison(make_.risk(), number(10));
      case 4:
        return make_.mfa();
      case 5:
        return text_test(make_.arg({"plain"}, T::kString));
      case 6:
        return make_.guarded(make_.optional_arg({"deep", "x"}, T::kString),
                             [&](E v) { return text_test(v); });
      case 7:
        return make_.guarded(make_.optional_arg({"n"}, T::kInt),
                             [&](E v) { return comparison(v, number(10)); });
      case 8:
        return comparison(
            make_.op(Op::Coalesce, T::kInt, {make_.optional_arg({"n"}, T::kInt), make_.integer(number(10))}),
            number(10));
      case 9:
        return make_.guarded(make_.optional_arg({"list"}, list), [&](E v) { return set_test(v); });
      case 10:
        return set_test(make_.arg({"list"}, list));
      case 11:
        return make_.boolean(Op::IsPresent, {make_.optional_arg({"deep", "x"}, T::kString)});
      case 12:
        return text_test(
            make_.op(Op::Coalesce, T::kString, {make_.optional_arg({"o"}, T::kString), make_.text(word())}));
      default:
        return has_fact_ ? make_.op(Op::Fact, T::kBool, {}, 0) : make_.mfa();
    }
  }

  std::mt19937 random_;
  ModuleMaker make_;
  bool has_fact_ = false;
};

inline std::string random_args(RandomPack& random) {
  const auto text = [&] {
    std::string words = random.word();
    for (int i = random.chance(10) ? random.number(40) : 0; i > 0; --i) {
      words += " " + random.word();
    }
    return "\"" + words + "\"";
  };
  const auto odd = [&](std::string usual) {
    const char* others[] = {"null", "7", "[]", "{}", "\"z\"", "true"};
    return random.chance(6) ? std::string(others[random.number(6)]) : usual;
  };
  std::string out;
  const auto add = [&](const std::string& name, const std::string& json) {
    if (random.chance(75)) {
      out += (out.empty() ? "{\"" : ",\"") + name + "\":" + json;
    }
  };
  add("plain", odd(text()));
  add("deep", odd(random.chance(80) ? "{\"y\":1,\"x\":" + odd(text()) + "}" : "{}"));
  add("n", odd(std::to_string(random.number(10))));
  add("list", odd("[" + text() + "," + text() + "]"));
  add("o", odd(text()));
  add("other", "{\"plain\":[1,2,{\"n\":null}]}");
  if (random.chance(2)) {
    add("plain", text());
  }
  out = out.empty() ? "{}" : out + "}";
  return random.chance(1) ? out + "!" : out;
}

inline void expect_same(const Verdict& a, const Verdict& b, const std::string& what) {
  EXPECT_EQ(a.outcome, b.outcome) << what;
  EXPECT_EQ(a.rule_name, b.rule_name) << what;
  EXPECT_EQ(a.error.status, b.error.status) << what;
  EXPECT_EQ(a.error.expr, b.error.expr) << what;
  ASSERT_EQ(a.sets.size(), b.sets.size()) << what;
  for (size_t i = 0; i < a.sets.size(); ++i) {
    EXPECT_EQ(a.sets[i].rule, b.sets[i].rule) << what;
    EXPECT_EQ(a.sets[i].json, b.sets[i].json) << what;
  }
  ASSERT_EQ(a.tags.size(), b.tags.size()) << what;
  for (size_t i = 0; i < a.tags.size(); ++i) {
    EXPECT_EQ(a.tags[i].rule, b.tags[i].rule) << what;
    EXPECT_EQ(a.tags[i].value, b.tags[i].value) << what;
  }
  ASSERT_EQ(a.errors.size(), b.errors.size()) << what;
  for (size_t i = 0; i < a.errors.size(); ++i) {
    EXPECT_EQ(a.errors[i].rule, b.errors[i].rule) << what;
    EXPECT_EQ(a.errors[i].status, b.errors[i].status) << what;
    EXPECT_EQ(a.errors[i].expr, b.errors[i].expr) << what;
  }
}

/// Decides `requests` random requests by `pack` and by the reference; the number that were denied.
inline size_t compare_with_reference(RandomPack& random, const Pack& pack, uint32_t seed, int requests) {
  Evaluator indexed;
  Evaluator reference;
  size_t denied = 0;
  for (int i = 0; i < requests; ++i) {
    const std::string id = random.word();
    const std::string tenant = random.word();
    const std::string args = random_args(random);
    const std::string roles[] = {random.word(), random.word()};
    const std::vector<std::string_view> views(roles, roles + random.number(3));
    Principal principal{id, tenant, views, {}, random.number(10), random.chance(50)};
    principal.cache_key = random.chance(30) ? 1 + seed * 1000 + static_cast<uint64_t>(i) : 0;
    Request request;
    request.principal = &principal;
    request.server = random.chance(50) ? "s1" : "s3";
    request.tool = random.chance(50) ? "one" : "two";
    request.args = args;
    const Verdict& a = indexed.evaluate(pack, request);
    const Verdict& b = reference.evaluate_reference(pack, request);
    expect_same(a, b, "seed " + std::to_string(seed) + " request " + std::to_string(i) + " " + args);
    denied += a.outcome == decision::Outcome::Deny ? 1 : 0;
  }
  return denied;
}

}  // namespace catalyst::test
