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
  EXPECT_EQ(table.find(session->id(), "ana", {}, "", 1).session, session);
  EXPECT_EQ(table.find(session->id(), "eve", {}, "", 1).session, nullptr);
  EXPECT_EQ(table.find(session->id(), "ana", {0}, "", 1).session, nullptr);
  EXPECT_EQ(table.find("nothing", "ana", {}, "", 1).session, nullptr);
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
  EXPECT_NE(table.find(used->id(), "a", {}, "", 90).session, nullptr);
  table.sweep(150);
  EXPECT_EQ(table.size(), 2U);
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(table.find(used->id(), "a", {}, "", 500).session, nullptr);
  EXPECT_NE(table.find(streaming->id(), "a", {}, "", 500).session, nullptr);
}

TEST(SessionTable, HoldsExactlyAsManyAsItMay) {
  SessionLimits limits;
  limits.sessions = 100;
  const Sealer sealer;
  SessionTable table(limits, sealer);
  std::vector<std::shared_ptr<Session>> busy;
  for (int i = 0; i < 100; ++i) {
    busy.push_back(table.create(terms("a"), i));
    ASSERT_NE(busy.back(), nullptr) << i << ": none may be refused before the limit";
    EXPECT_TRUE(busy.back()->open_stream());
  }
  EXPECT_EQ(table.size(), 100U);
  EXPECT_EQ(table.create(terms("a"), 100), nullptr);
  for (const auto& session : busy) {
    EXPECT_EQ(table.find(session->id(), "a", {}, "", 100).session, session);
  }
  busy[42]->close_stream();
  const auto another = table.create(terms("a"), 101);
  ASSERT_NE(another, nullptr);
  EXPECT_TRUE(another->open_stream());
  EXPECT_EQ(table.size(), 100U);
  const SessionTable::Found pushed_out = table.find(busy[42]->id(), "a", {}, "", 102);
  EXPECT_EQ(pushed_out.session, nullptr);
  EXPECT_TRUE(pushed_out.full) << "a session that is good is not called unknown";
  EXPECT_FALSE(table.find("nothing", "a", {}, "", 102).full);
  EXPECT_TRUE(table.erase(busy[0]->id(), "a", {}));
  EXPECT_NE(table.find(busy[42]->id(), "a", {}, "", 103).session, nullptr) << "there is a place again";
  EXPECT_EQ(table.size(), 100U);
}

TEST(SessionTable, ForgetsTheLongestUnusedOfAllParts) {
  SessionLimits limits;
  limits.sessions = 200;
  const Sealer sealer;
  SessionTable table(limits, sealer);
  std::vector<std::shared_ptr<Session>> made;
  for (int i = 0; i < 200; ++i) {
    made.push_back(table.create(terms("a"), 1000));
  }
  made[7]->touch(1);
  made[120]->touch(2);
  for (const int next : {7, 120}) {
    EXPECT_NE(table.create(terms("a"), 1001), nullptr);
    EXPECT_TRUE(made[static_cast<size_t>(next)]->events().closed());
  }
  for (size_t i = 0; i < made.size(); ++i) {
    EXPECT_EQ(made[i]->events().closed(), i == 7 || i == 120) << i;
  }
}

TEST(SessionTable, HoldsItsLimitForManyThreads) {
  SessionLimits limits;
  limits.sessions = 50;
  const Sealer sealer;
  SessionTable table(limits, sealer);
  std::atomic<size_t> most = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      std::vector<std::string> ids;
      for (int i = 0; i < 500; ++i) {
        const auto session = table.create(terms("a"), i);
        EXPECT_NE(session, nullptr) << "none of them is in use";
        ids.push_back(session == nullptr ? "" : session->id());
        table.find(ids[static_cast<size_t>(i) / 2], "a", {}, "", i);
        most = std::max(most.load(), table.size());
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  size_t counted = 0;
  table.for_each([&counted](Session&) { ++counted; });
  EXPECT_EQ(counted, 50U);
  EXPECT_EQ(table.size(), 50U);
  EXPECT_LE(most, 50U);
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
  EXPECT_EQ(there.find(session->id(), "eve", {3}, "files", 1).session, nullptr);
  EXPECT_EQ(there.find(session->id(), "ana", {3}, "mail", 1).session, nullptr);
  EXPECT_EQ(there.find(session->id(), "ana", {}, "", 1).session, nullptr);
  // The order of the servers may differ between engines: the name counts.
  const auto taken = there.find(session->id(), "ana", {1}, "files", 1).session;
  ASSERT_NE(taken, nullptr);
  EXPECT_EQ(taken->id(), session->id());
  EXPECT_EQ(taken->terms().protocol_version, "2025-06-18");
  EXPECT_EQ(taken->terms().client_name, "a client");
  EXPECT_EQ(taken->terms().upstream_session, "upstream-1");
  EXPECT_TRUE(taken->terms().askable);
  const Sealer others;
  SessionTable elsewhere({}, others);
  EXPECT_EQ(elsewhere.find(session->id(), "ana", {3}, "files", 1).session, nullptr);
}

TEST(SessionTable, RemembersWhatEnded) {
  SessionLimits limits;
  limits.idle_ms = 100;
  const Sealer sealer;
  SessionTable table(limits, sealer);
  const auto deleted = table.create(terms("a"), 0);
  const auto idle = table.create(terms("a"), 0);
  EXPECT_TRUE(table.erase(deleted->id(), "a", {}));
  EXPECT_EQ(table.find(deleted->id(), "a", {}, "", 1).session, nullptr);
  table.sweep(1000);
  EXPECT_EQ(table.find(idle->id(), "a", {}, "", 1001).session, nullptr);
}

TEST(SessionTable, EndsAtTheCapHoweverBusy) {
  SessionLimits limits;
  limits.max_ms = -1;
  const Sealer sealer;
  SessionTable table(limits, sealer);
  const auto session = table.create(terms("a"), 0);
  EXPECT_EQ(table.find(session->id(), "a", {}, "", 1).session, nullptr);
  EXPECT_EQ(table.find(session->id(), "a", {}, "", 1).session, nullptr);
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
        EXPECT_EQ(table.find(session->id(), "a", {}, "", i).session, session);
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
