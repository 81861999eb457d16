#include "server/gateway/audit_record.h"

#include <cstdio>
#include <ctime>

#include "runtime/decision/engine.h"
#include "runtime/observe/log.h"

namespace catalyst::server {
namespace {

class Writer {
 public:
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
    out_ += std::to_string(value);
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
  void raw(std::string_view key, std::string_view value) {
    name(key);
    out_ += value;
  }
  std::string finish() { return std::move(out_) + "}"; }

 private:
  void name(std::string_view key) { out_.append(out_.size() > 1 ? ",\"" : "\"").append(key).append("\":"); }
  std::string out_ = "{";
};

std::string time_text(int64_t us) {
  const std::time_t seconds = us / 1'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[48];
  const size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + length, sizeof text - length, ".%06dZ", static_cast<int>(us % 1'000'000));
  return text;
}

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

std::string tags_json(std::span<const mcp::ObservedTag> tags) {
  std::string out = "{";
  for (const mcp::ObservedTag& tag : tags) {
    out += out.size() > 1 ? ",\"" : "\"";
    observe::append_escaped(out, tag.key);
    out += "\":\"";
    observe::append_escaped(out, tag.value);
    out += "\"";
  }
  return out + "}";
}

std::string errors_json(const mcp::RequestRecord& record) {
  std::string out = "[";
  for (const mcp::ObservedError& failure : record.errors) {
    Writer one;
    one.text("rule", record.pack->rule_name(failure.rule));
    one.text("error", value::status_name(failure.status));
    out += (out.size() > 1 ? "," : "") + one.finish();
  }
  return out + "]";
}

std::string events_json(const mcp::RequestRecord& record) {
  std::string out = "[";
  for (const mcp::ObservedEvent& event : record.events) {
    Writer one;
    one.text(event.starts ? "start" : "emit", event.name);
    one.text("rule", record.pack->rule_name(event.rule));
    one.json("data", event.json);
    if (event.unheard) {
      one.text("unheard", "the chain of events is too long");
    }
    out += (out.size() > 1 ? "," : "") + one.finish();
  }
  return out + "]";
}

std::string shadows_json(const mcp::RequestRecord& record) {
  std::string out = "[";
  for (const uint32_t rule : record.shadows) {
    Writer one;
    one.text("rule", record.pack->rule_name(rule));
    out += (out.size() > 1 ? "," : "") + one.finish();
  }
  return out + "]";
}

}  // namespace

std::string audit_record(const mcp::RequestRecord& record) {
  Writer out;
  out.text("time", time_text(record.start_us));
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
    if (!record.errors.empty()) {
      out.raw("errors", errors_json(record));
    }
  }
  out.text("verdict", ruling_text(record.ruling));
  out.text("rule", record.rule_name);
  if (record.route != nullptr) {
    out.json("route", record.route->json());
  }
  if (!record.tags.empty()) {
    out.raw("tags", tags_json(record.tags));
  }
  if (!record.events.empty()) {
    out.raw("events", events_json(record));
  }
  if (!record.shadows.empty()) {
    out.raw("shadows", shadows_json(record));
  }
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
  return out.finish();
}

}  // namespace catalyst::server
