#include "runtime/redis/address.h"

#include <gtest/gtest.h>

namespace catalyst::redis {
namespace {

std::string read(std::string_view url) {
  const Result<Address> a = parse_address(url);
  if (a.has_error()) {
    return "no: " + a.error().message();
  }
  return a->text() + " db " + std::to_string(a->database) + (a->user.empty() ? "" : " user " + a->user) +
         (a->password.empty() ? "" : " password " + a->password);
}

TEST(Address, TakesApartWhatPeopleWrite) {
  EXPECT_EQ(read("redis://localhost"), "redis://localhost:6379 db 0");
  EXPECT_EQ(read("redis://10.0.0.7:7000/3"), "redis://10.0.0.7:7000 db 3");
  EXPECT_EQ(read("redis://[::1]:7000/"), "redis://[::1]:7000 db 0");
  EXPECT_EQ(read("redis://[::1]"), "redis://[::1]:6379 db 0");
  EXPECT_EQ(read("redis://:p%40ss%2f@h"), "redis://h:6379 db 0 password p@ss/");
  EXPECT_EQ(read("redis://ann:secret@h/1"), "redis://h:6379 db 1 user ann password secret");
  EXPECT_EQ(read("unix:///run/redis.sock"), "unix:///run/redis.sock db 0");
  EXPECT_EQ(read("unix://:pw@/run/redis.sock?db=2"), "unix:///run/redis.sock db 2 password pw");
}

TEST(Address, SaysWhatIsWrong) {
  for (const char* url : {"", "localhost:6379", "http://h", "redis://", "redis://:7000", "redis://h:0",
                          "redis://h:65536", "redis://h:x", "redis://h/x", "redis://h/99999999",
                          "redis://[::1", "redis://ann@h", "redis://:%4@h", "redis://:%zz@h", "redis://a b",
                          "unix://run", "unix:///run?x=1", "unix:///run?db=", "unix:///a%00b"}) {
    EXPECT_TRUE(read(url).starts_with("no: ")) << url;
    EXPECT_NE(read(url).find("redis://[[USER]:PASSWORD@]HOST"), std::string::npos) << url;
  }
  EXPECT_NE(read("rediss://h").find("tunnel"), std::string::npos);
}

TEST(Address, TextShowsNoPassword) {
  EXPECT_EQ(parse_address("redis://ann:secret@h:1/1")->text().find("secret"), std::string::npos);
}

}  // namespace
}  // namespace catalyst::redis
