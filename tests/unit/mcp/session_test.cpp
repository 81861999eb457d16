#include "runtime/mcp/session.h"

#include <gtest/gtest.h>

#include <thread>

namespace catalyst::mcp {
namespace {

SessionTerms terms(std::string principal, Scope scope = {}) {
  SessionTerms t;
  t.principal_id = std::move(principal);
  t.scope = scope;
  return t;
}

TEST(SessionTable, BindsSessionsToPrincipalAndScope) {
  SessionTable table({});
  const auto session = table.create(terms("ana"), 0);
  EXPECT_EQ(table.find(session->id(), "ana", {}, 1), session);
  EXPECT_EQ(table.find(session->id(), "eve", {}, 1), nullptr);
  EXPECT_EQ(table.find(session->id(), "ana", {0}, 1), nullptr);
  EXPECT_EQ(table.find("nothing", "ana", {}, 1), nullptr);
  EXPECT_FALSE(table.erase(session->id(), "eve", {}));
  EXPECT_TRUE(table.erase(session->id(), "ana", {}));
  EXPECT_TRUE(session->events().closed());
  EXPECT_EQ(table.size(), 0U);
}

TEST(SessionTable, EndsWhatIsIdle) {
  SessionLimits limits;
  limits.idle_ms = 100;
  SessionTable table(limits);
  int ended = 0;
  table.on_end([&](Session&) { ++ended; });
  const auto idle = table.create(terms("a"), 0);
  const auto used = table.create(terms("a"), 0);
  const auto streaming = table.create(terms("a"), 0);
  EXPECT_TRUE(streaming->open_stream());
  EXPECT_FALSE(streaming->open_stream());
  EXPECT_NE(table.find(used->id(), "a", {}, 90), nullptr);
  table.sweep(150);
  EXPECT_EQ(table.size(), 2U);
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(table.find(used->id(), "a", {}, 500), nullptr);
  EXPECT_NE(table.find(streaming->id(), "a", {}, 500), nullptr);
}

TEST(SessionTable, MakesRoomAtTheCap) {
  SessionLimits limits;
  limits.sessions = 64;  // one a stripe
  SessionTable table(limits);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_NE(table.create(terms("a"), i), nullptr);
  }
  EXPECT_LE(table.size(), 64U);
}

TEST(SessionTable, ServesManyThreads) {
  SessionTable table({});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&table] {
      for (int i = 0; i < 500; ++i) {
        const auto session = table.create(terms("a"), i);
        session->events().push("x");
        EXPECT_EQ(table.find(session->id(), "a", {}, i), session);
        EXPECT_TRUE(table.erase(session->id(), "a", {}));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(table.size(), 0U);
}

TEST(EventQueue, DropsTheOldestWhenFull) {
  EventQueue queue(3, 100);
  for (const char* text : {"a", "b", "c", "d"}) {
    EXPECT_TRUE(queue.push(text));
  }
  EXPECT_EQ(queue.take(), "b");
  EXPECT_EQ(queue.dropped(), 1U);
  EXPECT_TRUE(queue.push(std::string(99, 'x')));
  EXPECT_EQ(queue.take(), "d");
  EXPECT_EQ(queue.take(), std::string(99, 'x'));
  EXPECT_TRUE(queue.push(std::string(101, 'x')));
  EXPECT_FALSE(queue.take());
  EXPECT_TRUE(queue.push("once", EventQueue::Repeat::Once));
  EXPECT_TRUE(queue.push("once", EventQueue::Repeat::Once));
  queue.close();
  EXPECT_FALSE(queue.push("late"));
  EXPECT_EQ(queue.take(), "once");
  EXPECT_FALSE(queue.take());
}

}  // namespace
}  // namespace catalyst::mcp
