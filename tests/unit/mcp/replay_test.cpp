#include "runtime/mcp/replay.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

namespace catalyst::mcp {
namespace {

TEST(Replay, ReadsItsOwnIds) {
  const auto place = ReplayStore::parse(ReplayStore::id_of({7, 12}));
  ASSERT_TRUE(place);
  EXPECT_EQ(place->stream, 7U);
  EXPECT_EQ(place->event, 12U);
  for (const char* bad : {"", "-", "7", "7-", "-1", "7-1x", "x-1", "7_1", "99999999999999999999-1"}) {
    EXPECT_FALSE(ReplayStore::parse(bad)) << bad;
  }
}

TEST(Replay, GoesOnFromAnyPlace) {
  ReplayStore store(100, 1000);
  const uint64_t one = store.open();
  const uint64_t two = store.open();
  store.keep(one, "a");
  store.keep(two, "x");
  store.keep(one, "b");
  EXPECT_EQ(store.peek({one, 0})->message, "a");
  EXPECT_EQ(store.peek({one, 1})->message, "b");
  EXPECT_FALSE(store.peek({one, 2}));
  EXPECT_TRUE(store.knows({one, 2}));
  EXPECT_FALSE(store.knows({one, 3}));
  EXPECT_FALSE(store.knows({two + 1, 0}));
}

TEST(Replay, WaitsWhileTheStreamGoesOn) {
  asio::io_context io;
  ReplayStore store(100, 1000);
  const uint64_t stream = store.open();
  std::vector<std::string> seen;
  asio::co_spawn(
      io,
      [&]() -> Task<void> {
        ReplayStore::Place place{stream, 0};
        while (const auto event = co_await store.next(place)) {
          place = event->place;
          seen.push_back(event->message);
        }
        seen.emplace_back("over");
      },
      [](const std::exception_ptr&) {});
  io.poll();
  EXPECT_TRUE(seen.empty());
  store.keep(stream, "a");
  io.poll();
  EXPECT_EQ(seen.size(), 1U);
  store.keep(stream, "b");
  store.end(stream);
  io.restart();
  io.run();
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "b", "over"}));
}

TEST(Replay, IsBounded) {
  ReplayStore store(3, 10);
  const uint64_t old = store.open();
  store.keep(old, "a");
  store.end(old);
  const uint64_t stream = store.open();
  for (int i = 0; i < 5; ++i) {
    store.keep(stream, "1234");
  }
  EXPECT_FALSE(store.knows({old, 0}));
  EXPECT_EQ(store.peek({stream, 0})->place.event, 4U);
  store.keep(stream, std::string(100, 'x'));  // larger than all: the newest is always there
  EXPECT_EQ(store.peek({stream, 0})->message.size(), 100U);
}

}  // namespace
}  // namespace catalyst::mcp
