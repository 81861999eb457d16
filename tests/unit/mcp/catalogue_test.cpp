#include "runtime/mcp/catalogue.h"

#include <gtest/gtest.h>

namespace catalyst::mcp {
namespace {

std::shared_ptr<const Listing> listing(const std::string& server, const std::string& page, ListKind kind) {
  auto out = std::make_shared<Listing>();
  out->info = std::make_shared<UpstreamInfo>();
  std::vector<Item>& items = out->items[static_cast<size_t>(kind)];
  EXPECT_TRUE(read_page(page, kind, {}, items));
  for (Item& item : items) {
    item.federated = kind == ListKind::Tools ? server + "__" + item.key : item.key;
    out->index[static_cast<size_t>(kind)].try_emplace(item.key, &item);
  }
  return out;
}

Catalogue two(const std::string& a, const std::string& b, ListKind kind) {
  return Catalogue({{"a", true, ServerEntry::State::Listed, listing("a", a, kind), ""},
                    {"a__b", true, ServerEntry::State::Listed, listing("a__b", b, kind), ""}},
                   "__");
}

TEST(ReadPage, KeepsDefinitionsByteForByte) {
  std::vector<Item> items;
  const Result<std::string> next = read_page(
      R"({"nextCursor":"c\"2","tools":[{ "x": {"name":"inner"}, "name": "one", "$defs":{"a":1e5} }, {"name":3}, 7]})",
      ListKind::Tools, {}, items);
  ASSERT_TRUE(next);
  EXPECT_EQ(*next, "c\"2");
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0].json, R"({ "x": {"name":"inner"}, "name": "one", "$defs":{"a":1e5} })");
  items[0].federated = "s__one";
  EXPECT_EQ(items[0].federated_json(), R"({ "x": {"name":"inner"}, "name": "s__one", "$defs":{"a":1e5} })");
}

TEST(ReadPage, RefusesWhatIsNoListOrTooMuch) {
  std::vector<Item> items;
  EXPECT_FALSE(read_page("[]", ListKind::Tools, {}, items));
  EXPECT_FALSE(read_page("{}", ListKind::Tools, {}, items));
  EXPECT_FALSE(read_page(R"({"tools":{}})", ListKind::Tools, {}, items));
  EXPECT_FALSE(read_page(R"({"tools":[)", ListKind::Tools, {}, items));
  CatalogueLimits limits;
  limits.items = 1;
  EXPECT_FALSE(read_page(R"({"tools":[{"name":"a"},{"name":"b"}]})", ListKind::Tools, limits, items));
}

TEST(Catalogue, GivesEqualNamesToTheFirstServer) {
  const Catalogue catalogue =
      two(R"({"tools":[{"name":"b__c"}]})", R"({"tools":[{"name":"c"},{"name":"d"}]})", ListKind::Tools);
  EXPECT_EQ(catalogue.find({}, ListKind::Tools, "a__b__c")->server, 0U);
  EXPECT_EQ(catalogue.find({1}, ListKind::Tools, "c")->server, 1U);
  EXPECT_FALSE(catalogue.find({}, ListKind::Tools, "c"));
  EXPECT_EQ(catalogue.list_json({}, ListKind::Tools), R"([{"name":"a__b__c"},{"name":"a__b__d"}])");
  EXPECT_EQ(catalogue.list_json({1}, ListKind::Tools), R"([{"name":"c"},{"name":"d"}])");
}

TEST(Catalogue, RoutesResourcesByUriThenTemplate) {
  const Catalogue exact = two(R"({"resources":[{"uri":"x://1"}]})",
                              R"({"resources":[{"uri":"x://1"},{"uri":"x://2"}]})", ListKind::Resources);
  EXPECT_EQ(exact.find_resource({}, "x://1"), 0U);
  EXPECT_EQ(exact.find_resource({}, "x://2"), 1U);
  EXPECT_EQ(exact.find_resource({1}, "anything"), 1U);
  EXPECT_FALSE(exact.find_resource({}, "x://3"));
  const Catalogue templates =
      two(R"({"resourceTemplates":[{"uriTemplate":"t://{id}"}]})",
          R"({"resourceTemplates":[{"uriTemplate":"f://{+path}"}]})", ListKind::Templates);
  EXPECT_EQ(templates.find_resource({}, "t://7"), 0U);
  EXPECT_EQ(templates.find_resource({}, "f://a/b"), 1U);
}

TEST(Templates, Match) {
  EXPECT_TRUE(matches_template("test://static", "test://static"));
  EXPECT_FALSE(matches_template("test://static", "test://other"));
  EXPECT_TRUE(matches_template("t://{id}/data", "t://12/data"));
  EXPECT_FALSE(matches_template("t://{id}/data", "t://1/2/data"));
  EXPECT_FALSE(matches_template("t://{id}/data", "t:///data"));
  EXPECT_TRUE(matches_template("t://{a}/{b}", "t://1/2"));
  EXPECT_FALSE(matches_template("t://{a}/{b}", "t://1/2/3"));
  EXPECT_TRUE(matches_template("file:///{+path}", "file:///a/b/c"));
  EXPECT_FALSE(matches_template("file:///{+path}", "file:///"));
  EXPECT_FALSE(matches_template("t://{open", "t://{open"));
}

}  // namespace
}  // namespace catalyst::mcp
