#include "runtime/store/sqlite.h"

namespace catalyst::store {
namespace {

Errc errc_of(int code) {
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Errc::Busy;
    case SQLITE_FULL:
      return Errc::Full;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Errc::Corrupt;
    case SQLITE_ERROR:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      return Errc::Misuse;
    default:
      return Errc::Unavailable;
  }
}

}  // namespace

Error sqlite_error(sqlite3* db, int code, const std::string& doing) {
  const char* detail = db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  return error(make_error_code(errc_of(code)), doing + ": " + detail);
}

Statement::Statement(sqlite3* db, const char* sql) : db_(db) {
  sqlite3_stmt* statement = nullptr;
  note(sqlite3_prepare_v2(db, sql, -1, &statement, nullptr));
  statement_.reset(statement);
}

void Statement::note(int code) {
  if (failed_ == SQLITE_OK && code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE) {
    failed_ = code;
  }
}

Statement& Statement::bind(int64_t x) {
  note(sqlite3_bind_int64(statement_.get(), next_++, x));
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  note(sqlite3_bind_text64(statement_.get(), next_++, text.empty() ? "" : text.data(), text.size(),
                           SQLITE_TRANSIENT, SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind_blob(std::string_view bytes) {
  note(sqlite3_bind_blob64(statement_.get(), next_++, bytes.empty() ? "" : bytes.data(), bytes.size(),
                           SQLITE_TRANSIENT));
  return *this;
}

bool Statement::step() {
  if (failed_ != SQLITE_OK) {
    return false;
  }
  const int code = sqlite3_step(statement_.get());
  note(code);
  return code == SQLITE_ROW;
}

Result<void> Statement::run() {
  while (step()) {
  }
  Result<void> out = status();
  sqlite3_reset(statement_.get());
  next_ = 1;
  return out;
}

Result<void> Statement::status() const {
  return failed_ == SQLITE_OK ? Result<void>() : sqlite_error(db_, failed_, "store");
}

int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }

std::string Statement::text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_.get(), column);
  const auto size = static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column));
  return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
}

Result<void> execute(sqlite3* db, const char* sql) {
  const int code = sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? Result<void>() : sqlite_error(db, code, "store");
}

Transaction::Transaction(sqlite3* db) : db_(db), begun_(execute(db, "BEGIN IMMEDIATE")) {
  open_ = begun_.has_value();
}

Transaction::~Transaction() {
  if (open_) {
    [[maybe_unused]] const Result<void> undone = execute(db_, "ROLLBACK");  // an error left nothing to undo
  }
}

Result<void> Transaction::commit() {
  Result<void> done = execute(db_, "COMMIT");
  open_ = open_ && done.has_error();
  return done;
}

}  // namespace catalyst::store
