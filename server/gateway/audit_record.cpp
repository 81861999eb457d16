#include "server/gateway/audit_record.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <iterator>

#include "runtime/decision/engine.h"
#include "runtime/observe/log.h"

namespace catalyst::server {
namespace {

/// JSON at the end of a string, which is longer than its text until finish(): what is written goes into the
/// string's memory and its length is set once. Each part ends with a comma, in whose place the end of its
/// container goes.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {
    resize(out.size(), out.size() + kRoom);
    open('{');
  }
  void finish() {
    close('}');
    out_.resize(used() - 1);
  }

  // Inlined, as `name`: of a literal, which keys are, a copy is an instruction or two.
  [[gnu::always_inline]] void text(std::string_view key, std::string_view value) {
    if (!value.empty()) {
      name(key, value.size() + kNumber);
      quoted(value, {});
    }
  }
  /// NAME@VERSION
  void pack(std::string_view key, const decision::Pack& pack) {
    name(key, pack.name().size() + pack.version().size() + kNumber);
    quoted(pack.name(), pack.version());
  }
  void number(std::string_view key, int64_t value) {
    name(key, kNumber);
    at_ = std::to_chars(at_, at_ + kNumber, value).ptr;
    put(',');
  }
  void time(std::string_view key, int64_t us) {
    name(key, observe::kTimeBytes + kNumber);
    put('"');
    at_ = observe::put_time(at_, us);
    put('"');
    put(',');
  }
  /// JSON text as it is, on one line; what is too long becomes a string that holds its beginning.
  void json(std::string_view key, std::string_view value) {
    if (value.empty()) {
      return;
    }
    if (value.size() > kAuditJsonMax) {
      size_t cut = kAuditJsonMax;
      while (cut > 0 && (static_cast<unsigned char>(value[cut]) & 0xc0) == 0x80) {
        --cut;  // not inside a character
      }
      text(std::string(key) + "_truncated", value.substr(0, cut));
      return;
    }
    name(key, value.size() + 1);
    char* const start = at_;
    put(value);
    for (const char line_break : {'\n', '\r'}) {  // outside strings only: inside, JSON escapes them
      for (char* at = start;
           (at = static_cast<char*>(std::memchr(at, line_break, size_t(at_ - at)))) != nullptr;) {
        *at = ' ';
      }
    }
    put(',');
  }
  /// An object for each of `items`, filled by `one(Writer&, item)`; nothing when there is none.
  template <class Items, class One>
  void objects(std::string_view key, const Items& items, One one) {
    if (std::empty(items)) {
      return;
    }
    name(key, 0);
    open('[');
    for (const auto& item : items) {
      open('{');
      one(*this, item);
      close('}');
    }
    close(']');
  }
  /// An object whose members are texts.
  void tags(std::string_view key, std::span<const mcp::ObservedTag> tags) {
    if (tags.empty()) {
      return;
    }
    name(key, 0);
    open('{');
    for (const mcp::ObservedTag& tag : tags) {
      reserve(tag.key.size() + kNumber);
      put('"');
      escaped(tag.key);
      reserve(tag.value.size() + kNumber);
      put("\":\"");
      escaped(tag.value);
      reserve(2);
      put('"');
      put(',');
    }
    close('}');
  }

 private:
  static constexpr size_t kRoom = 1024;  // of most records
  static constexpr size_t kNumber = 24;  // the longest one, and what is put around a value

  [[nodiscard]] size_t used() const { return static_cast<size_t>(at_ - out_.data()); }
  [[nodiscard]] size_t room() const { return out_.size() - used(); }
  void resize(size_t text, size_t bytes) {
    out_.resize(bytes);
    at_ = out_.data() + text;
  }
  void reserve(size_t bytes) {
    if (room() < bytes) {
      resize(used(), std::max(2 * out_.size(), used() + bytes));
    }
  }
  // These need room.
  void put(char c) { *at_++ = c; }
  void put(std::string_view text) { at_ = std::copy(text.begin(), text.end(), at_); }
  void quoted(std::string_view text, std::string_view version) {
    put('"');
    escaped(text);
    if (!version.empty()) {
      put('@');
      escaped(version);
    }
    put("\",");
  }
  void escaped(std::string_view text) {
    if (char* const behind = observe::put_plain(at_, text); behind != nullptr) {
      at_ = behind;
      return;
    }
    const size_t behind = room() - text.size();
    out_.resize(used());
    observe::append_escaped(out_, text);
    resize(out_.size(), out_.size() + behind);
  }

  /// A member's name, and room for `bytes` of its value.
  [[gnu::always_inline]] void name(std::string_view key, size_t bytes) {
    reserve(key.size() + 3 + bytes);
    put('"');
    put(key);
    put("\":");
  }
  void open(char bracket) {
    reserve(1);
    put(bracket);
  }
  void close(char bracket) {
    reserve(2);
    at_ -= at_[-1] == ',' ? 1 : 0;
    put(bracket);
    put(',');
  }

  std::string& out_;
  char* at_ = nullptr;  // where to go on
};

std::string_view ruling_text(mcp::Ruling ruling) {
  switch (ruling) {
    case mcp::Ruling::None:
      return "none";
    case mcp::Ruling::Allow:
      return "allow";
    case mcp::Ruling::Deny:
      return "deny";
    case mcp::Ruling::Hidden:
      return "hide";
  }
  return "";
}

}  // namespace

void append_audit_record(std::string& line, const mcp::RequestRecord& record) {
  const auto rule = [&](Writer& out, uint32_t index) { out.text("rule", record.pack->rule_name(index)); };
  Writer out(line);
  out.time("time", record.start_us);
  out.text("request_id", record.request_id);
  out.text("trace_id", record.trace_id);
  out.text("principal", record.principal);
  out.text("peer", record.peer);
  out.text("session", record.session_id);
  out.text("method", record.method);
  out.text("server", record.server);
  out.text("tool", record.tool);
  if (record.pack != nullptr) {
    out.pack("pack", *record.pack);
    out.objects("errors", record.errors, [&](Writer& one, const mcp::ObservedError& failure) {
      rule(one, failure.rule);
      one.text("error", value::status_name(failure.status));
    });
  }
  out.text("verdict", ruling_text(record.ruling));
  out.text("rule", record.rule_name);
  if (record.route != nullptr) {
    out.json("route", record.route->json());
  }
  out.tags("tags", record.tags);
  out.objects("events", record.events, [&](Writer& one, const mcp::ObservedEvent& event) {
    one.text(event.starts ? "start" : "emit", event.name);
    rule(one, event.rule);
    one.json("data", event.json);
    if (event.unheard) {
      one.text("unheard", "the chain of events is too long");
    }
  });
  out.objects("shadows", record.shadows, rule);
  if (record.sets > 0) {
    out.number("sets", record.sets);
  }
  if (record.redactions > 0) {
    out.number("redactions", record.redactions);
  }
  if (record.error_code != 0) {
    out.number("code", record.error_code);
  }
  out.number("decision_ns", record.decision_ns);
  out.number("upstream_ns", record.upstream_ns);
  out.number("total_ns", record.total_ns);
  if (record.audit == decision::AuditLevel::Full) {
    out.json("arguments", record.arguments);
    out.json("result", record.result);
  }
  out.finish();
}

}  // namespace catalyst::server
