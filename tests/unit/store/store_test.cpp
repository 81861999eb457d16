#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "runtime/store/sqlite_store.h"
#include "runtime/store/store_thread.h"

namespace catalyst::store {
namespace {

namespace fs = std::filesystem;

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() : folder_(fs::path(::testing::TempDir()) / ("store_" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~StoreTest() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string path() const { return (folder_ / "catalyst.db").string(); }
  [[nodiscard]] std::unique_ptr<Store> open(const SqliteOptions& options = {}) const {
    auto store = open_sqlite(path(), options);
    EXPECT_TRUE(store.has_value()) << store.error().message();
    return store.has_value() ? std::move(*store) : nullptr;
  }
  [[nodiscard]] Errc failure(const SqliteOptions& options = {}) const {
    const auto store = open_sqlite(path(), options);
    return store.has_value() ? Errc::None : static_cast<Errc>(store.error().code.value());
  }
  void sql(const char* text) const {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path().c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, text, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }
  static PackRow pack(const std::string& version, uint64_t sequence) {
    return {0, "acme", version, sequence, "digest of " + version, 1, "ana"};
  }
  static DecisionRow decision(int64_t at_us, const std::string& request = "{}") {
    return {at_us, "acme@1", "db", "query", "deny", "no", request, at_us % 2 == 0};
  }
  [[nodiscard]] static std::vector<int64_t> times(Store& store, int64_t since) {
    std::vector<int64_t> out;
    EXPECT_TRUE(store
                    .each_decision(since,
                                   [&](const DecisionRow& row) {
                                     out.push_back(row.at_us);
                                     return out.size() < 1000;
                                   })
                    .has_value());
    return out;
  }

  fs::path folder_;
};

TEST_F(StoreTest, PacksAndPlacementsSurviveAReopening) {
  const std::string bytes("a pack\0with a zero", 18);
  {
    const auto store = open();
    EXPECT_EQ(*store->placement(), Placement());
    EXPECT_EQ(*store->add_pack(pack("1.0.0", 1), bytes), 1);
    EXPECT_EQ(*store->add_pack(pack("2.0.0", 2), "second"), 2);
    EXPECT_EQ(*store->add_pack(pack("1.0.0", 1), bytes), 1);  // the same digest is the same pack
    ASSERT_TRUE(store->place({5, "ana", "deploy", {1, 0, 0, 0}}).has_value());
    ASSERT_TRUE(store->place({6, "raj", "canary", {1, 2, 500, 0}}).has_value());
  }
  const auto store = open();
  EXPECT_EQ(*store->placement(), (Placement{1, 2, 500, 0}));
  EXPECT_EQ(*store->pack_bytes(1), bytes);
  EXPECT_TRUE(store->pack_bytes(3).has_error());
  const auto packs = *store->packs(10);
  ASSERT_EQ(packs.size(), 2u);
  EXPECT_EQ(packs[0].version, "2.0.0");
  EXPECT_EQ(packs[1].digest, "digest of 1.0.0");
  const auto history = *store->placements(10);
  ASSERT_EQ(history.size(), 2u);
  EXPECT_EQ(history[0].by, "raj");
  EXPECT_EQ(store->placements(1)->size(), 1u);
}

TEST_F(StoreTest, DecisionsComeInTheOrderOfTimeAndAreBounded) {
  const auto store = open();
  std::vector<DecisionRow> rows;
  for (int64_t at = 1; at <= 10; at++) {
    rows.push_back(decision(at * 10, std::string(100, 'x')));
  }
  ASSERT_TRUE(store->add_decisions(rows).has_value());
  EXPECT_EQ(times(*store, 80), (std::vector<int64_t>{80, 90, 100}));
  ASSERT_TRUE(store->trim_decisions({35, 1'000'000}).has_value());
  EXPECT_EQ(times(*store, 0).size(), 7u);
  ASSERT_TRUE(store->trim_decisions({0, 350}).has_value());
  EXPECT_EQ(times(*store, 0), (std::vector<int64_t>{80, 90, 100}));
}

TEST_F(StoreTest, AFileOfSomethingElseIsRefused) {
  std::ofstream(path())
      << "this is no database, but long enough to be taken for one by somebody who does not look. "
      << std::string(1000, 'x');
  EXPECT_EQ(failure(), Errc::Corrupt);
  fs::remove(path());
  sql("CREATE TABLE other (x)");
  EXPECT_EQ(failure(), Errc::Corrupt);
}

TEST_F(StoreTest, ADamagedFileIsToldAndNotUsed) {
  {
    const auto store = open();
    ASSERT_TRUE(store->add_pack(pack("1.0.0", 1), std::string(100'000, 'p')).has_value());
  }
  {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    file << std::string(8192, '\xee');
  }
  const auto store = open_sqlite(path());
  const auto packs = store.has_value() ? (*store)->packs(10) : Result<std::vector<PackRow>>(store.error());
  ASSERT_TRUE(packs.has_error());
  EXPECT_EQ(packs.error().code, make_error_code(Errc::Corrupt)) << packs.error().message();
}

TEST_F(StoreTest, ALaterSchemaIsRefusedAndAnEarlierOneBroughtUp) {
  {
    const auto store = open();
  }
  sql("PRAGMA user_version = 99");
  EXPECT_EQ(failure(), Errc::Newer);
  fs::remove(path());
  {
    const auto store = open();
    ASSERT_TRUE(store->add_pack(pack("1.0.0", 1), "old").has_value());
  }
  sql("DROP TABLE decisions; DROP TABLE windows; DROP TABLE window_secret; PRAGMA user_version = 1");
  EXPECT_EQ(failure({.read_only = true}), Errc::Unavailable);
  const auto store = open();
  EXPECT_EQ(*store->pack_bytes(1), "old");
  EXPECT_TRUE(store->add_decisions(std::vector{decision(1)}).has_value());
}

TEST_F(StoreTest, WhatWindowsCountIsReplacedAndExpires) {
  const auto store = open();
  EXPECT_EQ(*store->window_secret("first"), "first");
  EXPECT_EQ(*store->window_secret("second"), "first");
  const std::vector<WindowRow> rows = {{7, 100, "a"}, {UINT64_MAX, 200, std::string("\0b", 2)}};
  ASSERT_TRUE(store->put_windows(rows, 50).has_value());
  ASSERT_TRUE(store->put_windows(std::vector<WindowRow>{{7, 300, "c"}}, 50).has_value());
  auto kept = store->windows(50, 10);
  ASSERT_TRUE(kept.has_value());
  ASSERT_EQ(kept->size(), 2U);
  EXPECT_EQ((*kept)[0].bytes, "c");
  EXPECT_EQ((*kept)[1].id, UINT64_MAX);
  EXPECT_EQ((*kept)[1].bytes, std::string("\0b", 2));
  EXPECT_EQ(store->windows(250, 10)->size(), 1U);
  ASSERT_TRUE(store->put_windows({}, 250).has_value());
  EXPECT_EQ(store->windows(0, 10)->size(), 1U);
}

TEST_F(StoreTest, AReaderSeesWhatTheWriterCommitsAndWritesNothing) {
  const auto writer = open();
  const auto reader = open({.read_only = true});
  ASSERT_TRUE(writer->add_decisions(std::vector{decision(1)}).has_value());
  EXPECT_EQ(times(*reader, 0).size(), 1u);
  EXPECT_TRUE(reader->add_decisions(std::vector{decision(2)}).has_error());
  fs::remove_all(folder_ / "none");
  EXPECT_TRUE(open_sqlite((folder_ / "none" / "x.db").string()).has_error());
}

TEST_F(StoreTest, ALockIsWaitedForAndThenTold) {
  const auto store = open({.busy_timeout_ms = 20});
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path().c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  const auto added = store->add_decisions(std::vector{decision(1)});
  ASSERT_TRUE(added.has_error());
  EXPECT_EQ(added.error().code, make_error_code(Errc::Busy));
  sqlite3_close(other);
  EXPECT_TRUE(store->add_decisions(std::vector{decision(1)}).has_value());
}

TEST_F(StoreTest, AFullDiskIsToldAndNothingIsHalfWritten) {
  const auto store = open({.max_bytes = 200'000});
  ASSERT_TRUE(store->add_decisions(std::vector{decision(1)}).has_value());
  const std::vector<DecisionRow> rows(10, decision(2, std::string(50'000, 'x')));
  const auto added = store->add_decisions(rows);
  ASSERT_TRUE(added.has_error());
  EXPECT_EQ(added.error().code, make_error_code(Errc::Full));
  EXPECT_EQ(times(*store, 0), std::vector<int64_t>{1});
  EXPECT_TRUE(store->add_decisions(std::vector{decision(3)}).has_value());
}

TEST_F(StoreTest, TheThreadRunsJobsInOrderAndEndsWithThemDone) {
  std::atomic<int> done{0};
  {
    StoreThread thread(open());
    const auto id = thread.call([](Store& store) { return store.add_pack(pack("1.0.0", 1), "x"); });
    EXPECT_EQ(*id, 1);
    for (int i = 0; i < 100; i++) {
      ASSERT_TRUE(thread.post([&done, i](Store&) { done += done == i ? 1 : 1000; }));
    }
  }
  EXPECT_EQ(done, 100);
}

}  // namespace
}  // namespace catalyst::store
