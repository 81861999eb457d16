#include "server/gateway/window_keeper.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "runtime/store/sqlite_store.h"

namespace catalyst::server {
namespace {

namespace fs = std::filesystem;

int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

abi::WindowInfo window() {
  return {"count(call a.b within 1h)", abi::WindowKind::Count, abi::Hook::Call,           0,
          abi::WindowInfo::kNone,      abi::WindowInfo::kNone, int64_t{3'600} * 1'000'000};
}

class Keeping : public ::testing::Test {
 protected:
  Keeping() : folder_(fs::path(::testing::TempDir()) / ("windows_" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~Keeping() override { fs::remove_all(folder_); }

  [[nodiscard]] std::unique_ptr<store::StoreThread> open() const {
    auto store = store::open_sqlite((folder_ / "catalyst.db").string());
    EXPECT_TRUE(store.has_value());
    return std::make_unique<store::StoreThread>(std::move(*store));
  }

 private:
  fs::path folder_;
};

TEST_F(Keeping, ARestartGoesOnCounting) {
  const int64_t now = now_us();
  for (int life = 1; life <= 3; ++life) {
    const auto store = open();
    auto keeper = WindowKeeper::open(store.get(), 1024);
    ASSERT_TRUE(keeper.has_value()) << keeper.error().message();
    for (int i = 0; i < 10; ++i) {
      (*keeper)->windows().add(window(), "ana", {}, now);
    }
    EXPECT_EQ((*keeper)->windows().read(window(), "ana", now).a.integer, 10 * life);
    EXPECT_EQ((*keeper)->windows().read(window(), "bob", now).a.integer, 0);
  }
}

TEST_F(Keeping, WhatNoLongerCountsIsDropped) {
  {
    const auto store = open();
    auto keeper = WindowKeeper::open(store.get(), 1024);
    ASSERT_TRUE(keeper.has_value());
    (*keeper)->windows().add(window(), "old", {}, now_us() - int64_t{3} * 3'600 * 1'000'000);
    (*keeper)->windows().add(window(), "new", {}, now_us());
  }
  const auto store = open();
  const auto rows = store->call([](store::Store& target) { return target.windows(0, 100); });
  ASSERT_TRUE(rows.has_value());
  EXPECT_EQ(rows->size(), 1U);
}

TEST_F(Keeping, WithoutAStoreItCountsInMemory) {
  auto keeper = WindowKeeper::open(nullptr, 1024);
  ASSERT_TRUE(keeper.has_value());
  (*keeper)->windows().add(window(), "ana", {}, now_us());
  EXPECT_EQ((*keeper)->windows().read(window(), "ana", now_us()).a.integer, 1);
}

}  // namespace
}  // namespace catalyst::server
