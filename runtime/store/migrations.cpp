#include <iterator>

#include "runtime/store/sqlite.h"

// The schema, as the steps that lead to it. A step that was released is never changed: a new one follows.

namespace catalyst::store {
namespace {

/// "cata": how a file says that it is a store of ours.
constexpr int64_t kApplicationId = 0x63617461;

constexpr const char* kSteps[] = {
    R"(
CREATE TABLE packs (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  digest TEXT NOT NULL UNIQUE,
  added_at_ms INTEGER NOT NULL,
  added_by TEXT NOT NULL,
  bytes BLOB NOT NULL
);
CREATE TABLE placements (
  id INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  by TEXT NOT NULL,
  what TEXT NOT NULL,
  stable INTEGER NOT NULL,
  canary INTEGER NOT NULL,
  canary_share INTEGER NOT NULL,
  shadow INTEGER NOT NULL
);
)",
    R"(
CREATE TABLE decisions (
  id INTEGER PRIMARY KEY,
  at_us INTEGER NOT NULL,
  pack TEXT NOT NULL,
  server TEXT NOT NULL,
  tool TEXT NOT NULL,
  outcome TEXT NOT NULL,
  rule TEXT NOT NULL,
  masked INTEGER NOT NULL,
  request TEXT NOT NULL
);
CREATE INDEX decisions_by_time ON decisions (at_us);
)",
    R"(
CREATE TABLE window_secret (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  bytes BLOB NOT NULL
);
CREATE TABLE windows (
  id INTEGER PRIMARY KEY,
  expires_us INTEGER NOT NULL,
  bytes BLOB NOT NULL
);
CREATE INDEX windows_by_end ON windows (expires_us);
)",
};

Result<int64_t> pragma(sqlite3* db, const char* sql) {
  Statement statement(db, sql);
  const int64_t value = statement.step() ? statement.integer(0) : 0;
  if (auto status = statement.status(); status.has_error()) {
    return status.error();
  }
  return value;
}

Result<void> apply(sqlite3* db, size_t step) {
  Transaction transaction(db);
  if (transaction.begun().has_error()) {
    return transaction.begun();
  }
  const std::string mark = "PRAGMA user_version = " + std::to_string(step + 1) +
                           "; PRAGMA application_id = " + std::to_string(kApplicationId);
  for (const char* sql : {kSteps[step], mark.c_str()}) {
    if (auto done = execute(db, sql); done.has_error()) {
      return done;
    }
  }
  return transaction.commit();
}

}  // namespace

Result<void> migrate(sqlite3* db, bool read_only) {
  const auto application = pragma(db, "PRAGMA application_id");
  const auto version = pragma(db, "PRAGMA user_version");
  const auto tables = pragma(db, "SELECT count(*) FROM sqlite_master");
  if (application.has_error() || version.has_error() || tables.has_error()) {
    return application.has_error() ? application.error()
           : version.has_error()   ? version.error()
                                   : tables.error();
  }
  const bool ours = *application == kApplicationId || (*tables == 0 && !read_only);
  if (!ours) {
    return error(make_error_code(Errc::Corrupt), "the file holds another program's tables");
  }
  const auto newest = static_cast<int64_t>(std::size(kSteps));
  if (*version > newest) {
    return error(make_error_code(Errc::Newer),
                 "schema " + std::to_string(*version) + ", this version knows " + std::to_string(newest));
  }
  if (read_only && *version < newest) {
    return error(
        make_error_code(Errc::Unavailable),
        "schema " + std::to_string(*version) + " is old; start the engine once to bring it up to date");
  }
  for (auto step = static_cast<size_t>(*version); step < std::size(kSteps); step++) {
    if (auto done = apply(db, step); done.has_error()) {
      return add_context(done.error(), "migrating to schema " + std::to_string(step + 1));
    }
  }
  return {};
}

}  // namespace catalyst::store
