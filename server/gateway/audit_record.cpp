#include "server/gateway/audit_record.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "runtime/decision/engine.h"
#include "runtime/observe/log.h"

namespace catalyst::server {
namespace {

/// One JSON object at the end of `out`.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) { out_ += '{'; }

  void text(std::string_view key, std::string_view value) {
    if (!value.empty()) {
      name(key);
      out_ += '"';
      observe::append_escaped(out_, value);
      out_ += '"';
    }
  }
  void number(std::string_view key, int64_t value) {
    name(key);
    char digits[20];
    out_.append(digits, std::to_chars(digits, std::end(digits), value).ptr);
  }
  void time(std::string_view key, int64_t us) {
    name(key);
    out_ += '"';
    observe::append_time(out_, us);
    out_ += '"';
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
    name(key);
    for (const char c : value) {
      out_ += c == '\n' || c == '\r' ? ' ' : c;  // outside strings only: inside, JSON escapes them
    }
  }
  /// An object for each of `items`, filled by `one(Writer&, item)`; nothing when there is none.
  template <class Items, class One>
  void objects(std::string_view key, const Items& items, One one) {
    if (std::empty(items)) {
      return;
    }
    name(key);
    out_ += '[';
    for (const auto& item : items) {
      out_ += out_.back() == '[' ? "" : ",";
      Writer object(out_);
      one(object, item);
      object.finish();
    }
    out_ += ']';
  }
  /// An object whose members are texts.
  void tags(std::string_view key, std::span<const mcp::ObservedTag> tags) {
    if (tags.empty()) {
      return;
    }
    name(key);
    out_ += '{';
    for (const mcp::ObservedTag& tag : tags) {
      out_ += out_.back() == '{' ? "\"" : ",\"";
      observe::append_escaped(out_, tag.key);
      out_ += "\":\"";
      observe::append_escaped(out_, tag.value);
      out_ += '"';
    }
    out_ += '}';
  }
  void finish() { out_ += '}'; }

 private:
  void name(std::string_view key) {
    const bool first = out_.back() == '{';
    // In one piece: each append looks for room again.
    const size_t at = out_.size();
    out_.resize(at + key.size() + (first ? 3 : 4));
    char* piece = &out_[at];
    if (!first) {
      *piece++ = ',';
    }
    *piece++ = '"';
    piece = std::copy(key.begin(), key.end(), piece);
    *piece++ = '"';
    *piece = ':';
  }
  std::string& out_;
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
    out.text("pack", std::string(record.pack->name()) + "@" + std::string(record.pack->version()));
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
