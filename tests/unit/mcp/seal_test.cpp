#include "runtime/mcp/seal.h"

#include <gtest/gtest.h>

namespace catalyst::mcp {
namespace {

TEST(Seal, OpensWhatItSealed) {
  const Sealer sealer({"a secret"});
  for (const std::string& text : {std::string(), std::string("x"), std::string(1000, '\0')}) {
    const std::string sealed = sealer.seal("for this", text);
    EXPECT_EQ(sealer.open("for this", sealed), text);
    EXPECT_EQ(sealer.open("for that", sealed), std::nullopt);
    EXPECT_NE(sealer.seal("for this", text), sealed);
    EXPECT_EQ(sealed.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
              std::string::npos);
  }
}

TEST(Seal, RefusesEveryChangeOfACharacter) {
  const Sealer sealer;
  const std::string sealed = sealer.seal("p", "text");
  for (size_t i = 0; i < sealed.size(); ++i) {
    for (const char c : {'A', 'B', '_', '=', '\n'}) {
      std::string changed = sealed;
      changed[i] = c;
      EXPECT_TRUE(changed == sealed || !sealer.open("p", changed)) << i << c;
    }
    EXPECT_FALSE(sealer.open("p", sealed.substr(0, i)));
  }
  EXPECT_FALSE(sealer.open("p", sealed + "A"));
  EXPECT_FALSE(sealer.open("p", ""));
}

TEST(Seal, RotatesKeys) {
  const Sealer before({"old"});
  const Sealer during({"new", "old"});
  const Sealer after({"new"});
  const std::string old_text = before.seal("p", "text");
  EXPECT_EQ(during.open("p", old_text), "text");
  EXPECT_EQ(after.open("p", old_text), std::nullopt);
  EXPECT_EQ(after.open("p", during.seal("p", "text")), "text");
  EXPECT_EQ(before.open("p", during.seal("p", "text")), std::nullopt);
  EXPECT_EQ(Sealer().open("p", Sealer().seal("p", "text")), std::nullopt);
}

TEST(Seal, DigestsTellPartsApart) {
  EXPECT_EQ(digest_of({"a", "b"}), digest_of({"a", "b"}));
  const Sealer one({"a secret of at least 32 characters"});
  EXPECT_EQ(one.name("p", "a"), Sealer({"a secret of at least 32 characters", "old"}).name("p", "a"));
  EXPECT_EQ(one.name("p", "a").size(), 43U);
  EXPECT_NE(one.name("p", "a"), one.name("p", "b"));
  EXPECT_NE(one.name("p", "a"), one.name("q", "a"));
  EXPECT_NE(one.name("p", "a"), Sealer({"another secret, as long as the other"}).name("p", "a"));
  EXPECT_NE(digest_of({"ab", ""}), digest_of({"a", "b"}));
  EXPECT_NE(digest_of({"a"}), digest_of({"a", ""}));
}

}  // namespace
}  // namespace catalyst::mcp
