#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/base/result.h"
#include "runtime/store/store.h"

// SQLite behind types that free themselves. Seen by the .cpp files of this folder alone.

namespace catalyst::store {

Error sqlite_error(sqlite3* db, int code, const std::string& doing);

/// A prepared statement: bind in order, then step through rows or run to the end. Remembers the first
/// failure.
class Statement {
 public:
  Statement(sqlite3* db, const char* sql);

  Statement& bind(int64_t x);
  Statement& bind(std::string_view text);
  /// Bytes without a character set.
  Statement& bind_blob(std::string_view bytes);

  /// True: a row is there. False: the end, or a failure.
  bool step();
  /// Runs a statement without rows, and is ready for new parameters afterwards.
  Result<void> run();
  [[nodiscard]] Result<void> status() const;

  [[nodiscard]] int64_t integer(int column) const;
  [[nodiscard]] std::string text(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  void note(int code);

  sqlite3* db_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int next_ = 1;
  int failed_ = SQLITE_OK;
};

Result<void> execute(sqlite3* db, const char* sql);

/// Rolled back unless it is committed.
class Transaction {
 public:
  explicit Transaction(sqlite3* db);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  [[nodiscard]] Result<void> begun() const { return begun_; }
  Result<void> commit();

 private:
  sqlite3* db_;
  Result<void> begun_;
  bool open_ = false;
};

/// Brings the database to the newest schema.
Result<void> migrate(sqlite3* db, bool read_only);

}  // namespace catalyst::store
