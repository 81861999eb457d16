#pragma once

#include <cstdint>
#include <string_view>

namespace catalyst::bench {

/// A request as a record of strings: what a caller has who parsed it before. Shared with the specialised
/// program.
struct Record {
  static constexpr int kListMax = 8;
  std::string_view user, tenant, tool, server;
  std::string_view roles[kListMax];
  int role_count = 0;
  std::string_view env, path, branch, ns;  // data() is nullptr when absent
  int64_t amount = 0, count = 0;
  bool has_amount = false, has_count = false;
  int8_t dry_run = -1;  // -1 absent
  std::string_view labels[kListMax];
  int label_count = 0;
  int64_t time = 0;  // seconds
  int64_t risk = 0;
};

/// What a specialised program exports. Each answers the deciding rule or -1.
using DecideRecord = int (*)(const Record* record);
/// `text` has `capacity - length` bytes of padding behind it.
using DecideJson = int (*)(const char* text, uint64_t length, uint64_t capacity);

}  // namespace catalyst::bench
