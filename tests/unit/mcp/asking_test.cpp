#include "runtime/mcp/asking.h"

#include <gtest/gtest.h>

namespace catalyst::mcp {
namespace {

TEST(Asking, GoesByWhatTheClientDeclared) {
  const std::string url = R"({"mode":"url","url":"https://a","message":"m"})";
  const std::string form = R"({"message":"m","requestedSchema":{}})";
  EXPECT_TRUE(can_be_asked(R"({"elicitation":{}})", AskKind::Elicitation, form));
  EXPECT_TRUE(can_be_asked(R"({"elicitation":{ }})", AskKind::Elicitation, form));
  EXPECT_TRUE(can_be_asked(R"({"elicitation":{"form":{}}})", AskKind::Elicitation, form));
  EXPECT_FALSE(can_be_asked(R"({"elicitation":{"url":{}}})", AskKind::Elicitation, form));
  EXPECT_FALSE(can_be_asked(R"({"elicitation":{}})", AskKind::Elicitation, url));
  EXPECT_TRUE(can_be_asked(R"({"elicitation":{"url":{}}})", AskKind::Elicitation, url));
  EXPECT_TRUE(can_be_asked(R"({"sampling":{}})", AskKind::Sampling, "{}"));
  EXPECT_FALSE(can_be_asked(R"({"sampling":{}})", AskKind::Sampling, R"({"tools":[]})"));
  EXPECT_TRUE(can_be_asked(R"({"sampling":{"tools":{}}})", AskKind::Sampling, R"({"tools":[]})"));
  EXPECT_TRUE(can_be_asked(R"({"roots":{"listChanged":true}})", AskKind::Roots, ""));
  EXPECT_FALSE(can_be_asked("{}", AskKind::Roots, ""));
  EXPECT_FALSE(can_be_asked(R"({"roots":true})", AskKind::Roots, ""));
  EXPECT_FALSE(can_be_asked(""));
  EXPECT_FALSE(can_be_asked(R"({"experimental":{}})"));
  EXPECT_TRUE(can_be_asked(R"({"roots":{}})"));
}

TEST(Asking, KeepsOfALegacyClientWhatSpeaksAboutAsking) {
  EXPECT_EQ(asking_capabilities(
                R"({"tasks":{},"roots":{"listChanged":true},"elicitation":{"url":{}},"sampling":1})"),
            R"({"elicitation":{"url":{}},"roots":{}})");
  EXPECT_EQ(asking_capabilities(""), "{}");
}

TEST(Asking, KnowsTheQuestionsOfOtherProcesses) {
  const std::string own(asking_engine());
  const std::string other = own.substr(0, 8) + (own[8] == '0' ? "1" : "0");
  EXPECT_FALSE(asked_elsewhere("\"" + own + "-7\""));
  EXPECT_TRUE(asked_elsewhere("\"" + other + "-7\""));
  EXPECT_TRUE(asked_elsewhere(other + "-1790000000000-1"));
  for (const char* id : {"7", "\"7\"", "\"q\"", "\"\"", "", "\"qqqqqqqqq-1\"", "\"550e8400-e29b-41d4\""}) {
    EXPECT_FALSE(asked_elsewhere(id)) << id;
  }
  EXPECT_TRUE(answers_elsewhere(R"({"a":{},")" + other + R"(-1-1":{"action":"accept"}})"));
  EXPECT_FALSE(answers_elsewhere(R"({"a":{},")" + own + R"(-1-1":{"x":")" + other + R"(-1-1"}})"));
  EXPECT_FALSE(answers_elsewhere("[]"));
}

TEST(Asking, ReadsAndWritesQuestions) {
  const std::string result =
      R"({"resultType":"input_required","inputRequests":{"a":{"method":"roots/list"},"b":{"method":"elicitation/create","params":{"mode":"url","url":"u","message":"m"}}},"requestState":"s"})";
  EXPECT_TRUE(wants_input(result));
  EXPECT_FALSE(wants_input(R"({"content":[{"text":"input_required"}]})"));
  const auto questions = read_questions(result);
  ASSERT_TRUE(questions && questions->size() == 2);
  EXPECT_EQ((*questions)[1].key, "b");
  EXPECT_EQ((*questions)[1].kind, AskKind::Elicitation);
  EXPECT_NE(bridge_question((*questions)[1], Era::Legacy).find("elicitationId"), std::string::npos);
  EXPECT_EQ(read_questions(input_required(*questions, "s", "{}"))->size(), 2U);
  EXPECT_EQ(read_questions(R"({"inputRequests":{"a":{"method":"tools/call"}}})"), std::nullopt);
  EXPECT_TRUE(read_questions(R"({"resultType":"input_required","requestState":"s"})")->empty());
}

TEST(Asking, TurnsPagesOfTheOldErrorIntoQuestions) {
  const auto pages = read_url_elicitations(
      R"({"code":-32042,"message":"m","data":{"elicitations":[{"mode":"url","elicitationId":"e","url":"https://a","message":"sign in"}]}})");
  ASSERT_TRUE(pages && pages->size() == 1);
  EXPECT_EQ(pages->front().params, R"({"mode":"url","url":"https://a","message":"sign in"})");
  EXPECT_FALSE(read_url_elicitations(R"({"code":-32042,"message":"m"})"));
  EXPECT_FALSE(read_url_elicitations(R"({"code":-32602,"data":{"elicitations":[{}]}})"));
}

}  // namespace
}  // namespace catalyst::mcp
