#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "server/gateway/audit_record.h"
#include "server/gateway/file_watcher.h"

namespace catalyst::server {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

bool eventually(const std::function<bool()>& check) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (!check()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    std::this_thread::yield();
  }
  return true;
}

class Watching : public testing::Test {
 protected:
  Watching() {
    folder_ = fs::path(testing::TempDir()) / "file_watcher_test";
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "schemas");
    write(folder_ / "a.cata", "1");
  }
  ~Watching() override { fs::remove_all(folder_); }

  /// Changes reported so far; waits for one more than `before`.
  bool one_more(int before) {
    return eventually([&] { return changes_.load() > before; });
  }

  fs::path folder_;
  std::atomic<int> changes_{0};
};

TEST_F(Watching, SeesSavesReplacementsAndNewFiles) {
  auto watcher = FileWatcher::start(
      [this] {
        return std::vector<std::string>{(folder_ / "a.cata").string(), (folder_ / "schemas/s.json").string()};
      },
      [this] { ++changes_; }, 5);
  ASSERT_TRUE(watcher.has_value());
  // The watches are set by the watcher's own thread: poke until it sees the first change.
  ASSERT_TRUE(eventually([&] {
    write(folder_ / "a.cata", "2");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return changes_ > 0;
  }));
  std::this_thread::sleep_for(std::chrono::milliseconds(150));  // let the burst settle

  int before = changes_;
  write(folder_ / "new", "3");
  fs::rename(folder_ / "new", folder_ / "a.cata");
  EXPECT_TRUE(one_more(before));
  before = changes_;
  write(folder_ / "schemas/s.json", "{}");
  EXPECT_TRUE(one_more(before));
}

TEST_F(Watching, IgnoresOtherFiles) {
  auto watcher = FileWatcher::start(
      [this] { return std::vector<std::string>{(folder_ / "a.cata").string()}; }, [this] { ++changes_; }, 1);
  ASSERT_TRUE(watcher.has_value());
  write(folder_ / "notes.txt", "x");
  write(folder_ / ".a.cata.swp", "x");
  ASSERT_TRUE(eventually([&] {
    write(folder_ / "a.cata", "2");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return changes_ > 0;
  }));
}

TEST_F(Watching, WaitsForAFileThatIsBeingReplaced) {
  auto watcher = FileWatcher::start(
      [this] { return std::vector<std::string>{(folder_ / "a.cata").string()}; }, [this] { ++changes_; }, 1);
  ASSERT_TRUE(watcher.has_value());
  ASSERT_TRUE(eventually([&] {
    write(folder_ / "a.cata", "2");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return changes_ > 0;
  }));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  // As some editors save: the old file becomes the backup, the new one follows.
  int before = changes_;
  fs::rename(folder_ / "a.cata", folder_ / "a.cata~");
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(changes_, before);
  write(folder_ / "a.cata", "3");
  EXPECT_TRUE(one_more(before));
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  EXPECT_EQ(changes_, before + 1);
  before = changes_;
  fs::remove(folder_ / "a.cata");
  EXPECT_TRUE(one_more(before));
}

std::string audit_record(const mcp::RequestRecord& record) {
  std::string line;
  append_audit_record(line, record);
  return line;
}

TEST(AuditRecord, IsOneLineOfJson) {
  mcp::RequestRecord record;
  record.request_id = "r\n\"1";
  record.principal = "ana\x1b";
  record.method = "tools/call";
  record.server = "files";
  record.tool = "write_file";
  record.ruling = mcp::Ruling::Allow;
  const mcp::ObservedTag tags[] = {{"kind", "change"}};
  record.tags = tags;
  record.audit = decision::AuditLevel::Full;
  record.arguments = "{\n  \"path\": \"/a\"\r\n}";
  const std::string long_result = "\"" + std::string(kAuditJsonMax, 'x') + "\"";
  record.result = long_result;
  const std::string line = audit_record(record);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["request_id"], "r\n\"1");
  EXPECT_EQ(json["principal"], "ana\x1b");
  EXPECT_EQ(json["verdict"], "allow");
  EXPECT_EQ(json["tags"]["kind"], "change");
  EXPECT_EQ(json["arguments"]["path"], "/a");
  EXPECT_FALSE(json.contains("result"));
  EXPECT_EQ(json["result_truncated"].get<std::string>().size(), kAuditJsonMax);
}

TEST(AuditRecord, IsTheSameHoweverLongItsPartsAre) {
  for (size_t length = 0; length < 3'000; length += length < 40 ? 1 : 97) {
    for (const char* odd : {"", "\"", "\x01", "\\"}) {
      const std::string text = std::string(length, 'a') + odd + std::string(length % 9, 'b');
      mcp::RequestRecord record;
      record.request_id = text;
      record.principal = text;
      const mcp::ObservedTag tags[] = {{text, text}, {text + "2", text}};
      record.tags = tags;
      const std::string arguments = nlohmann::json{{"text", text}}.dump();
      record.audit = decision::AuditLevel::Full;
      record.arguments = arguments;
      record.total_ns = INT64_MIN;
      std::string line = "before";
      append_audit_record(line, record);
      ASSERT_TRUE(line.starts_with("before{"));
      const auto json = nlohmann::json::parse(line.substr(6));
      EXPECT_EQ(json.value("request_id", ""), text);
      EXPECT_EQ(json.value("principal", ""), text);
      EXPECT_EQ(json["tags"], (nlohmann::json{{text, text}, {text + "2", text}}));
      EXPECT_EQ(json["arguments"]["text"], text);
      EXPECT_EQ(json["total_ns"], INT64_MIN);
    }
  }
}

TEST(AuditRecord, LeavesTextsOutAtMetadataLevel) {
  mcp::RequestRecord record;
  record.audit = decision::AuditLevel::Metadata;
  record.arguments = "{\"secret\":1}";
  EXPECT_EQ(audit_record(record).find("secret"), std::string::npos);
}

}  // namespace
}  // namespace catalyst::server
