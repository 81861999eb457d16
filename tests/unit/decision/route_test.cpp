// Which route a call takes, and that the key of its cache tells calls apart that must be told apart.

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "runtime/decision/canonical_json.h"
#include "tests/unit/decision/module_maker.h"

namespace catalyst::decision {
namespace {

using ir::ExprId;
using ir::Op;
using T = types::TypeTable;

class Routes : public ::testing::Test {
 protected:
  ir::Route& route(std::string name, std::vector<ir::TargetPattern> calls) {
    ir::Route& out = make_.module().routes.emplace_back();
    out.name = std::move(name);
    out.calls = make_.target(std::move(calls));
    out.targets = {{"a", 1}, {"b", 1}};
    return out;
  }

  /// Everything is in the key: the arguments, and who asks as `scope` says.
  void cache(ir::Route& route, abi::CacheScope scope) {
    route.cache = {.ttl_ms = 1000, .scope = scope};
    route.key = {ExprId()};
    if (scope == abi::CacheScope::Principal) {
      route.key.push_back(make_.principal_id());
    } else if (scope == abi::CacheScope::Tenant) {
      route.key.push_back(make_.tenant());
    }
  }

  const RouteChoice* ask(const Request& request, std::string_view named = {}) {
    pack_ = pack_ == nullptr ? make_.pack() : pack_;
    return evaluator_.route(*pack_, request, named);
  }

  std::string key(std::string_view args, const Principal& who = {}, std::string_view tool = "find") {
    Request request;
    request.principal = &who;
    request.server = "search";
    request.tool = tool;
    request.args = args;
    const RouteChoice* choice = ask(request);
    return choice == nullptr ? "no route" : std::string(choice->cache_key);
  }

  test::ModuleMaker make_;
  std::shared_ptr<const Pack> pack_;
  Evaluator evaluator_;
};

TEST_F(Routes, TheFirstThatIsForTheCallUnlessARuleNamesOne) {
  route("finds", {{"search", "find"}});
  route("all", {{"search", "*"}});
  route("docs", {{"docs", "*"}});
  Request request;
  request.server = "search";
  request.tool = "find";
  EXPECT_EQ(ask(request)->route->name, "finds");
  EXPECT_FALSE(ask(request)->by_rule);
  EXPECT_EQ(ask(request, "all")->route->name, "all");
  EXPECT_TRUE(ask(request, "all")->by_rule);
  EXPECT_EQ(ask(request, "docs")->route->name, "finds") << "a route that is not for the tool";
  request.tool = "list";
  EXPECT_EQ(ask(request)->route->name, "all");
  request.server = "crm";
  EXPECT_EQ(ask(request), nullptr);
}

TEST_F(Routes, APackWithoutRoutesHasNone) { EXPECT_EQ(ask(Request{}), nullptr); }

TEST_F(Routes, TheFirstPreferenceThatHoldsCounts) {
  ir::Route& r = route("r", {});
  const ExprId slow = make_.boolean(Op::Gt, {make_.arg({"n"}, T::kInt), make_.integer(5)});
  r.prefers = {{0, slow, {}}, {1, make_.mfa(), {}}};
  Principal who;
  who.mfa = true;
  Request request;
  request.principal = &who;
  request.args = R"({"n": 9})";
  EXPECT_EQ(ask(request)->preferred, 0u);
  request.args = R"({"n": 1})";
  EXPECT_EQ(ask(request)->preferred, 1u);
  EXPECT_EQ(ask(request)->prefer, 1u);
  request.args = R"({"n": "many"})";
  const RouteChoice* choice = ask(request);
  EXPECT_EQ(choice->preferred, 1u) << "what fails prefers nothing";
  ASSERT_EQ(choice->errors.size(), 1u);
  EXPECT_EQ(choice->errors[0].status, value::Status::BadType);
  who.mfa = false;
  EXPECT_EQ(ask(request)->preferred, RouteChoice::kNone);
}

TEST_F(Routes, AHashThatFailsIsNone) {
  ir::Route& r = route("r", {});
  r.balance = abi::Balance::Hash;
  r.hash = make_.arg({"id"}, T::kString);
  Request request;
  request.args = R"({"id": "x1"})";
  EXPECT_EQ(ask(request)->hash, "x1");
  request.args = R"({})";
  EXPECT_EQ(ask(request)->hash, std::nullopt);
}

TEST_F(Routes, KeysAreEqualForEqualCallsAlone) {
  cache(route("r", {}), abi::CacheScope::Shared);
  EXPECT_EQ(key(R"({"a": 1, "b": {"y": [1, "x"], "x": 2}})"), key(R"({"b":{"x":2,"y":[1,"x"]},"a":1})"));
  EXPECT_EQ(key(""), key(" { } "));
  const std::string_view different[] = {
      R"({})",
      R"({"a": null})",
      R"({"a": ""})",
      R"({"a": "b"})",
      R"({"a": "b", "c": 1})",
      R"({"a": "b\",\"c\":1"})",
      R"({"a": ["b"]})",
      R"({"a": ["b", "c"]})",
      R"({"a": [["b"], "c"]})",
      R"({"a": 1})",
      R"({"a": 1.00000000000000000000000000000000000001})",
      R"({"a": 1e400})",
      R"({"a": 2e400})",
      R"({"a": {"b": 1}, "c": 2})",
      R"({"a": {"b": 1, "c": 2}})",
  };
  std::set<std::string> seen;
  for (const std::string_view args : different) {
    const std::string one = key(args);
    EXPECT_FALSE(one.empty()) << args;
    EXPECT_TRUE(seen.insert(one).second) << args;
  }
  EXPECT_TRUE(seen.insert(key("{}", {}, "find2")).second) << "another tool";
}

TEST_F(Routes, ArgumentsThatReadersDisagreeAboutAreNotCached) {
  cache(route("r", {}), abi::CacheScope::Shared);
  for (const std::string_view args :
       {R"({"a": 1, "a": 2})", R"({"a": 1, "\u0061": 2})", R"({"a": 1)", R"({"a": 01})", R"({"a": 1} x)",
        R"({"a": [1, ]})", R"({"a" 1})", R"({, "a": 1})", "[1, 2"}) {
    EXPECT_EQ(key(args), "") << args;
  }
  EXPECT_EQ(key(std::string(100, '[') + std::string(100, ']')), "") << "nested too deep";
}

TEST_F(Routes, CallersAreToldApart) {
  cache(route("r", {}), abi::CacheScope::Principal);
  Principal ana;
  ana.id = "ana";
  Principal bo;
  bo.id = "bo";
  EXPECT_EQ(key("{}", ana), key("{}", ana));
  EXPECT_NE(key("{}", ana), key("{}", bo));
}

TEST_F(Routes, NoTenantIsNoneThatCallersShare) {
  cache(route("r", {}), abi::CacheScope::Tenant);
  Principal ana{"ana", "acme", {}};
  Principal bo{"bo", "acme", {}};
  EXPECT_EQ(key("{}", ana), key("{}", bo));
  bo.tenant = "other";
  EXPECT_NE(key("{}", ana), key("{}", bo));
  ana.tenant = bo.tenant = "";
  EXPECT_NE(key("{}", ana), key("{}", bo));
}

TEST_F(Routes, ANamedPartThatFailsCachesNothing) {
  ir::Route& r = route("r", {});
  cache(r, abi::CacheScope::Shared);
  r.key.push_back(make_.arg({"n"}, T::kInt));
  EXPECT_NE(key(R"({"n": 1})"), "");
  EXPECT_NE(key(R"({"n": 1})"), key(R"({"n": 2})"));
  EXPECT_EQ(key(R"({"n": "x"})"), "");
}

TEST_F(Routes, ConditionsEndWithinTheirFuel) {
  ir::Route& r = route("r", {});
  const types::TypeId list = make_.module().types.list_of(T::kString);
  r.prefers = {{0, make_.boolean(Op::Has, {make_.arg({"xs"}, list), make_.text("never")}), {}}};
  std::string args = R"({"xs": ["x")";
  for (int i = 0; i < 10'000; ++i) {
    args += R"(,"x")";
  }
  args += "]}";
  Request request;
  request.args = args;
  Limits limits;
  limits.fuel_per_rule = 100;
  Evaluator evaluator(limits);
  pack_ = make_.pack();
  const RouteChoice* choice = evaluator.route(*pack_, request);
  EXPECT_EQ(choice->preferred, RouteChoice::kNone);
  ASSERT_EQ(choice->errors.size(), 1u);
  EXPECT_EQ(choice->errors[0].status, value::Status::OutOfFuel);
}

}  // namespace
}  // namespace catalyst::decision
