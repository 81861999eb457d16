#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "compiler/driver/compile.h"
#include "runtime/store/sqlite_store.h"
#include "server/gateway/shadow_report.h"
#include "server/gateway/traffic_recorder.h"

namespace catalyst::server {
namespace {

const std::vector<std::string> kNames = {"password", "token"};

std::string masked(const std::string& json, bool expected = true) {
  bool changed = false;
  std::string out = mask_members(json, kNames, &changed);
  EXPECT_EQ(changed, expected) << json;
  return out;
}

std::shared_ptr<const decision::Pack> pack_of(const std::string& text) {
  const driver::Analysis analysis = driver::analyze({{"p.cata", text}});
  EXPECT_NE(analysis.module, nullptr);
  return std::make_shared<const decision::Pack>(driver::compile_packed(analysis));
}

TEST(Masking, NamesCountWhateverTheirCaseAndDepth) {
  EXPECT_EQ(masked(R"({"a":1,"Password":"x"})"), R"({"a":1,"Password":"[redacted]"})");
  EXPECT_EQ(masked(R"({"a":[{"b":{"token":{"deep":1}}}]})"), R"({"a":[{"b":{"token":"[redacted]"}}]})");
  EXPECT_EQ(masked(R"({"pass\u0077ord":"x"})"), R"({"password":"[redacted]"})");
}

TEST(Masking, WhatHoldsNoSuchNameStaysByteForByte) {
  for (const char* json : {R"({ "a" : 1.00000000000000000001 })", "{}", "", R"({"passwords":1.50})",
                           R"({"text":"password: \"x\""})"}) {
    EXPECT_EQ(masked(json, false), json);
  }
  EXPECT_EQ(masked(R"({"password": )"), R"("[redacted]")");  // nobody knows what it says
}

TEST(Shadow, DifferencesAreGroupedByWhatTheyDo) {
  const auto before = pack_of("pack a 1.0.0\nrule one on call db.* when call.tool == \"drop\" deny \"no\"\n");
  const auto same =
      pack_of("pack a 1.1.0\nrule renamed on call db.* when call.tool == \"drop\" deny \"never\"\n");
  const auto other = pack_of("pack a 2.0.0\nrule two on call db.* when call.tool == \"read\" deny\n");
  decision::Evaluator deciding;
  decision::Evaluator beside;
  decision::Principal principal;
  principal.id = "ana";
  ShadowReport report;
  report.begin("a@1.1.0");
  const auto compare = [&](const decision::Pack& shadow, const char* tool) {
    decision::Request request;
    request.principal = &principal;
    request.server = "db";
    request.tool = tool;
    report.compare(*before, deciding.evaluate(*before, request), shadow, beside.evaluate(shadow, request),
                   request);
  };
  compare(*same, "drop");
  compare(*same, "read");
  EXPECT_EQ(report.totals().compared, 2u);
  EXPECT_EQ(report.totals().different, 0u);
  report.begin("a@2.0.0");
  compare(*other, "drop");
  compare(*other, "read");
  compare(*other, "read");
  EXPECT_EQ(report.totals().different, 3u);
  const auto groups = report.groups();
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].count, 2u);
  EXPECT_EQ(groups[0].before, "allow");
  EXPECT_EQ(groups[0].after, "deny by two");
  EXPECT_EQ(groups[0].last_principal, "ana");
}

TEST(Recorder, KeepsNothingThatRulesRedact) {
  const auto folder = std::filesystem::path(testing::TempDir()) / ("traffic_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const std::string path = (folder / "s.db").string();
  const auto pack = pack_of(
      "pack a 1.0.0\n"
      "rule mail on result db.* redact pii.email in result\n"
      "rule ssn on result hr.* when call.tool == \"never\" redact result.structured\n");
  decision::Principal principal;
  principal.id = "ana";
  principal.claims = R"({"token":"t0ken-value"})";
  decision::Request request;
  request.hook = abi::Hook::Result;
  request.principal = &principal;
  request.session_id = "s3ssion-value";
  request.server = "db";
  request.tool = "query";
  request.args = R"({"to":"bo@acme.example","n":1.50})";
  request.result = R"({"structuredContent":{"ssn":"078-05-1120"},"content":[]})";
  request.now_us = 1'000'000;
  decision::Evaluator evaluator;
  {
    auto store = store::open_sqlite(path);
    ASSERT_TRUE(store.has_value());
    store::StoreThread thread(std::move(*store));
    TrafficRecorder recorder(thread, {1'000'000'000, 1'000'000, kNames});
    recorder.record(pack, request, evaluator.evaluate(*pack, request));
  }
  const auto store = store::open_sqlite(path, {.read_only = true});
  std::vector<store::DecisionRow> rows;
  ASSERT_TRUE((*store)
                  ->each_decision(0,
                                  [&](const store::DecisionRow& row) {
                                    rows.push_back(row);
                                    return true;
                                  })
                  .has_value());
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_TRUE(rows[0].masked);
  EXPECT_EQ(rows[0].pack, "a@1.0.0");
  for (const char* secret : {"bo@acme", "t0ken-value", "s3ssion-value", "078-05-1120"}) {
    EXPECT_EQ(rows[0].request.find(secret), std::string::npos) << secret << " in " << rows[0].request;
  }
  EXPECT_NE(rows[0].request.find("\"n\":1.50"), std::string::npos) << rows[0].request;
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace catalyst::server
