#include "runtime/mcp/session.h"

#include <gtest/gtest.h>

#include <fstream>
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
  const Sealer sealer;
  SessionTable table({}, sealer);
  const auto session = table.create(terms("ana"), 0);
  EXPECT_EQ(table.find(session->id(), "ana", {}, "", 1), session);
  EXPECT_EQ(table.find(session->id(), "eve", {}, "", 1), nullptr);
  EXPECT_EQ(table.find(session->id(), "ana", {0}, "", 1), nullptr);
  EXPECT_EQ(table.find("nothing", "ana", {}, "", 1), nullptr);
  EXPECT_FALSE(table.erase(session->id(), "eve", {}));
  EXPECT_TRUE(table.erase(session->id(), "ana", {}));
  EXPECT_TRUE(session->events().closed());
  EXPECT_EQ(table.size(), 0U);
}

TEST(SessionTable, EndsWhatIsIdle) {
  SessionLimits limits;
  limits.idle_ms = 100;
  const Sealer sealer;
  SessionTable table(limits, sealer);
  int ended = 0;
  table.on_end([&](Session&) { ++ended; });
  const auto idle = table.create(terms("a"), 0);
  const auto used = table.create(terms("a"), 0);
  const auto streaming = table.create(terms("a"), 0);
  EXPECT_TRUE(streaming->open_stream());
  EXPECT_FALSE(streaming->open_stream());
  EXPECT_NE(table.find(used->id(), "a", {}, "", 90), nullptr);
  table.sweep(150);
  EXPECT_EQ(table.size(), 2U);
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(table.find(used->id(), "a", {}, "", 500), nullptr);
  EXPECT_NE(table.find(streaming->id(), "a", {}, "", 500), nullptr);
}

TEST(SessionTable, MakesRoomAtTheCap) {
  SessionLimits limits;
  limits.sessions = 64;  // one a stripe
  const Sealer sealer;
  SessionTable table(limits, sealer);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_NE(table.create(terms("a"), i), nullptr);
  }
  EXPECT_LE(table.size(), 64U);
}

TEST(SessionTable, TakesUpWhatAnotherEngineOpened) {
  const Sealer ours({"the same secret"});
  SessionTable here({}, ours);
  SessionTable there({}, ours);
  SessionTerms opened = terms("ana", {3});
  opened.scope_name = "files";
  opened.protocol_version = "2025-06-18";
  opened.client_name = "a client";
  opened.capabilities = R"({"roots":{}})";
  opened.upstream_session = "upstream-1";
  const auto session = here.create(opened, 0);
  EXPECT_EQ(there.find(session->id(), "eve", {3}, "files", 1), nullptr);
  EXPECT_EQ(there.find(session->id(), "ana", {3}, "mail", 1), nullptr);
  EXPECT_EQ(there.find(session->id(), "ana", {}, "", 1), nullptr);
  // The order of the servers may differ between engines: the name counts.
  const auto taken = there.find(session->id(), "ana", {1}, "files", 1);
  ASSERT_NE(taken, nullptr);
  EXPECT_EQ(taken->id(), session->id());
  EXPECT_EQ(taken->terms().protocol_version, "2025-06-18");
  EXPECT_EQ(taken->terms().client_name, "a client");
  EXPECT_EQ(taken->terms().upstream_session, "upstream-1");
  EXPECT_TRUE(taken->terms().askable);
  const Sealer others;
  SessionTable elsewhere({}, others);
  EXPECT_EQ(elsewhere.find(session->id(), "ana", {3}, "files", 1), nullptr);
}

TEST(SessionTable, RemembersWhatEnded) {
  SessionLimits limits;
  limits.idle_ms = 100;
  const Sealer sealer;
  SessionTable table(limits, sealer);
  const auto deleted = table.create(terms("a"), 0);
  const auto idle = table.create(terms("a"), 0);
  EXPECT_TRUE(table.erase(deleted->id(), "a", {}));
  EXPECT_EQ(table.find(deleted->id(), "a", {}, "", 1), nullptr);
  table.sweep(1000);
  EXPECT_EQ(table.find(idle->id(), "a", {}, "", 1001), nullptr);
}

TEST(SessionTable, EndsAtTheCapHoweverBusy) {
  SessionLimits limits;
  limits.max_ms = -1;
  const Sealer sealer;
  SessionTable table(limits, sealer);
  const auto session = table.create(terms("a"), 0);
  EXPECT_EQ(table.find(session->id(), "a", {}, "", 1), nullptr);
  EXPECT_EQ(table.find(session->id(), "a", {}, "", 1), nullptr);
}

size_t resident_kib() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("VmRSS:")) {
      return std::strtoull(line.c_str() + 6, nullptr, 10);
    }
  }
  return 0;
}

TEST(SessionTable, DoesNotGrowWithSessionsThatWereDropped) {
  const Sealer sealer;
  SessionTable table({}, sealer);
  const auto open_and_drop = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const auto session = table.create(terms("a"), i);
      if (i % 2 == 0) {
        EXPECT_TRUE(table.erase(session->id(), "a", {}));  // the others are never heard of again
      }
    }
  };
  open_and_drop(150'000);  // every table is full by now
  const size_t before = resident_kib();
  open_and_drop(150'000);
  const size_t after = resident_kib();
  EXPECT_LE(table.size(), SessionLimits().sessions);
  EXPECT_LT(after, before + 4096) << "KiB, from " << before;
}

TEST(SessionTable, ServesManyThreads) {
  const Sealer sealer;
  SessionTable table({}, sealer);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&table] {
      for (int i = 0; i < 500; ++i) {
        const auto session = table.create(terms("a"), i);
        session->events().push("x");
        EXPECT_EQ(table.find(session->id(), "a", {}, "", i), session);
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

TEST(EventQueue, OfAnswersClosesWhenFull) {
  EventQueue queue(SIZE_MAX, 100, Overflow::Close);
  EXPECT_TRUE(queue.push(std::string(60, 'x')));
  EXPECT_FALSE(queue.push(std::string(60, 'y')));
  EXPECT_TRUE(queue.closed());
  EXPECT_FALSE(queue.take()) << "half of what a client was told is of no use to it";
  EXPECT_EQ(queue.dropped(), 2U);
  EXPECT_FALSE(queue.push("late"));
}

}  // namespace
}  // namespace catalyst::mcp
