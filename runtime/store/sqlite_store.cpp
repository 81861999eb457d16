#include "runtime/store/sqlite_store.h"

#include <sqlite3.h>

#include <algorithm>

#include "runtime/store/sqlite.h"

namespace catalyst::store {
namespace {

class Category final : public boost::system::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "store"; }
  [[nodiscard]] std::string message(int code) const override {
    switch (static_cast<Errc>(code)) {
      case Errc::None:
        return "no error";
      case Errc::Unavailable:
        return "the store cannot be used";
      case Errc::Busy:
        return "another process kept the store locked";
      case Errc::Full:
        return "the disk of the store is full";
      case Errc::Corrupt:
        return "the store is damaged, or no store; move the file away or restore a copy";
      case Errc::Newer:
        return "the store was written by a later version of Catalyst";
      case Errc::Misuse:
        return "a statement that the store does not take";
    }
    return {};
  }
};

const Category kCategory;

struct Close {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};

PackRow pack_row(const Statement& row) {
  return {row.integer(0), row.text(1),    row.text(2), static_cast<uint64_t>(row.integer(3)),
          row.text(4),    row.integer(5), row.text(6)};
}

PlacementRow placement_row(const Statement& row) {
  return {row.integer(0),
          row.text(1),
          row.text(2),
          {row.integer(3), row.integer(4), static_cast<uint32_t>(row.integer(5)), row.integer(6)}};
}

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(std::unique_ptr<sqlite3, Close> db) : db_(std::move(db)) {}

  Result<int64_t> add_pack(const PackRow& row, const std::string& bytes) override {
    Transaction transaction(db_.get());
    if (transaction.begun().has_error()) {
      return transaction.begun().error();
    }
    Statement add(db_.get(),
                  "INSERT INTO packs (name, version, sequence, digest, added_at_ms, added_by, bytes) "
                  "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE SET bytes = excluded.bytes");
    add.bind(row.name).bind(row.version).bind(static_cast<int64_t>(row.sequence)).bind(row.digest);
    add.bind(row.added_at_ms).bind(row.added_by).bind_blob(bytes);
    if (auto done = add.run(); done.has_error()) {
      return done.error();
    }
    Statement find(db_.get(), "SELECT id FROM packs WHERE digest = ?");
    const int64_t id = find.bind(row.digest).step() ? find.integer(0) : 0;
    if (auto status = find.status(); status.has_error()) {
      return status.error();
    }
    if (auto done = transaction.commit(); done.has_error()) {
      return done.error();
    }
    return id;
  }

  Result<std::vector<PackRow>> packs(size_t limit) override {
    Statement rows(db_.get(),
                   "SELECT id, name, version, sequence, digest, added_at_ms, added_by FROM packs ORDER BY id "
                   "DESC LIMIT ?");
    return collect<PackRow>(rows.bind(static_cast<int64_t>(limit)), pack_row);
  }

  Result<std::string> pack_bytes(int64_t id) override {
    Statement row(db_.get(), "SELECT bytes FROM packs WHERE id = ?");
    if (row.bind(id).step()) {
      return row.text(0);
    }
    const auto status = row.status();
    return status.has_error() ? status.error() : error("there is no pack " + std::to_string(id));
  }

  Result<Placement> placement() override {
    const auto newest = placements(1);
    if (newest.has_error()) {
      return newest.error();
    }
    return newest->empty() ? Placement() : newest->front().placement;
  }

  Result<void> place(const PlacementRow& row) override {
    Statement add(db_.get(),
                  "INSERT INTO placements (at_ms, by, what, stable, canary, canary_share, shadow) "
                  "VALUES (?, ?, ?, ?, ?, ?, ?)");
    add.bind(row.at_ms).bind(row.by).bind(row.what);
    add.bind(row.placement.stable).bind(row.placement.canary).bind(int64_t{row.placement.canary_share});
    return add.bind(row.placement.shadow).run();
  }

  Result<std::vector<PlacementRow>> placements(size_t limit) override {
    Statement rows(db_.get(),
                   "SELECT at_ms, by, what, stable, canary, canary_share, shadow FROM placements ORDER BY id "
                   "DESC LIMIT ?");
    return collect<PlacementRow>(rows.bind(static_cast<int64_t>(limit)), placement_row);
  }

  Result<void> add_decisions(std::span<const DecisionRow> rows) override {
    Transaction transaction(db_.get());
    if (transaction.begun().has_error()) {
      return transaction.begun();
    }
    Statement add(db_.get(),
                  "INSERT INTO decisions (at_us, pack, server, tool, outcome, rule, masked, request) "
                  "VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    for (const DecisionRow& row : rows) {
      add.bind(row.at_us).bind(row.pack).bind(row.server).bind(row.tool).bind(row.outcome).bind(row.rule);
      if (auto done = add.bind(int64_t{row.masked}).bind(row.request).run(); done.has_error()) {
        return done;
      }
    }
    return transaction.commit();
  }

  Result<void> each_decision(int64_t since_us,
                             const std::function<bool(const DecisionRow&)>& visit) override {
    Statement rows(db_.get(),
                   "SELECT at_us, pack, server, tool, outcome, rule, masked, request FROM decisions "
                   "WHERE at_us >= ? ORDER BY at_us, id");
    rows.bind(since_us);
    while (rows.step()) {
      const DecisionRow row{rows.integer(0), rows.text(1), rows.text(2), rows.text(3),
                            rows.text(4),    rows.text(5), rows.text(7), rows.integer(6) != 0};
      if (!visit(row)) {
        return {};
      }
    }
    return rows.status();
  }

  Result<void> trim_decisions(const DecisionLimits& limits) override {
    Statement old(db_.get(), "DELETE FROM decisions WHERE at_us < ?");
    if (auto done = old.bind(limits.oldest_us).run(); done.has_error()) {
      return done;
    }
    // The newest rows that fit stay.
    Statement large(db_.get(),
                    "DELETE FROM decisions WHERE id IN (SELECT id FROM (SELECT id, SUM(LENGTH(request)) OVER "
                    "(ORDER BY id DESC) AS total FROM decisions) WHERE total > ?)");
    return large.bind(static_cast<int64_t>(limits.bytes)).run();
  }

  Result<std::string> window_secret(const std::string& fresh) override {
    Statement add(db_.get(), "INSERT OR IGNORE INTO window_secret (id, bytes) VALUES (1, ?)");
    if (auto done = add.bind_blob(fresh).run(); done.has_error()) {
      return done.error();
    }
    Statement row(db_.get(), "SELECT bytes FROM window_secret");
    std::string out = row.step() ? row.text(0) : fresh;
    const auto status = row.status();
    return status.has_error() ? Result<std::string>(status.error()) : out;
  }

  Result<void> put_windows(std::span<const WindowRow> rows, int64_t now_us) override {
    Transaction transaction(db_.get());
    if (transaction.begun().has_error()) {
      return transaction.begun();
    }
    Statement put(db_.get(),
                  "INSERT INTO windows (id, expires_us, bytes) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE "
                  "SET expires_us = excluded.expires_us, bytes = excluded.bytes");
    for (const WindowRow& row : rows) {
      put.bind(static_cast<int64_t>(row.id)).bind(row.expires_us);
      if (auto done = put.bind_blob(row.bytes).run(); done.has_error()) {
        return done;
      }
    }
    Statement old(db_.get(), "DELETE FROM windows WHERE expires_us < ?");
    if (auto done = old.bind(now_us).run(); done.has_error()) {
      return done;
    }
    return transaction.commit();
  }

  Result<std::vector<WindowRow>> windows(int64_t now_us, size_t limit) override {
    Statement rows(db_.get(),
                   "SELECT id, expires_us, bytes FROM windows WHERE expires_us >= ? ORDER BY expires_us DESC "
                   "LIMIT ?");
    rows.bind(now_us).bind(static_cast<int64_t>(limit));
    return collect<WindowRow>(rows, [](Statement& row) {
      return WindowRow{static_cast<uint64_t>(row.integer(0)), row.integer(1), row.text(2)};
    });
  }

 private:
  template <class Row, class Read>
  static Result<std::vector<Row>> collect(Statement& rows, Read read) {
    std::vector<Row> out;
    while (rows.step()) {
      out.push_back(read(rows));
    }
    if (auto status = rows.status(); status.has_error()) {
      return status.error();
    }
    return out;
  }

  std::unique_ptr<sqlite3, Close> db_;
};

Result<void> limit_size(sqlite3* db, uint64_t max_bytes) {
  Statement page(db, "PRAGMA page_size");
  const int64_t page_bytes = page.step() ? page.integer(0) : 0;
  if (auto status = page.status(); status.has_error()) {
    return status;
  }
  const uint64_t pages = max_bytes / static_cast<uint64_t>(std::max<int64_t>(page_bytes, 512));
  return execute(db, ("PRAGMA max_page_count = " + std::to_string(std::max<uint64_t>(pages, 1))).c_str());
}

}  // namespace

boost::system::error_code make_error_code(Errc code) { return {static_cast<int>(code), kCategory}; }

Result<std::unique_ptr<Store>> open_sqlite(const std::string& path, const SqliteOptions& options) {
  const int flags = options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<sqlite3, Close> db(raw);
  if (opened != SQLITE_OK) {
    return sqlite_error(raw, opened, "cannot open " + path);
  }
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, static_cast<int>(options.busy_timeout_ms));
  Result<void> ready;
  if (!options.read_only) {
    ready = execute(raw, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
  }
  ready = ready.has_error() ? ready : migrate(raw, options.read_only);
  if (ready.has_value() && options.max_bytes > 0) {
    ready = limit_size(raw, options.max_bytes);
  }
  if (ready.has_error()) {
    return add_context(ready.error(), path);
  }
  return std::unique_ptr<Store>(std::make_unique<SqliteStore>(std::move(db)));
}

}  // namespace catalyst::store
