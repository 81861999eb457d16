// How values read as text and as JSON.

#include <charconv>
#include <cmath>

#include "runtime/base/base64.h"
#include "runtime/value/decimal.h"
#include "runtime/value/ip.h"
#include "runtime/value/json_text.h"
#include "runtime/value/ops.h"
#include "runtime/value/time.h"

namespace catalyst::value {
namespace {

void append_int(std::string& out, int64_t x) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, x).ptr;
  out.append(digits, end);
}

/// Shortest text that reads back as the same double. JSON has no NaN or infinity: they are strings there.
void append_float(std::string& out, double x) {
  if (!std::isfinite(x)) {
    out.append(std::isnan(x) ? "NaN" : (x < 0 ? "-Infinity" : "Infinity"));
    return;
  }
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, x).ptr;
  out.append(digits, end);
}

void append_list(std::string& out, const Value& v) {
  out.push_back('[');
  for (uint32_t i = 0; i < v.length; i++) {
    out.append(i == 0 ? "" : ",");
    append_json(out, v.a.items[i]);
  }
  out.push_back(']');
}

/// Members without a value are left out.
void append_map(std::string& out, const Value& v) {
  out.push_back('{');
  bool first = true;
  for (uint32_t i = 0; i < v.length; i++) {
    if (v.a.entries[i].value.is_absent()) {
      continue;
    }
    out.append(first ? "" : ",");
    first = false;
    append_json_string(out, v.a.entries[i].key);
    out.push_back(':');
    append_json(out, v.a.entries[i].value);
  }
  out.push_back('}');
}

}  // namespace

void append_text(std::string& out, const Value& v) {
  switch (v.kind) {
    case Kind::String:
      out.append(v.text());
      return;
    case Kind::Time:
      append_time(out, v.a.integer);
      return;
    case Kind::Duration:
      append_duration(out, v.a.integer);
      return;
    case Kind::Ip:
      append_ip(out, v);
      return;
    case Kind::Bytes:
      out += base64_encode(v.text());
      return;
    case Kind::Float:
      append_float(out, v.a.real);
      return;
    case Kind::Absent:
    case Kind::Invalid:
    case Kind::Bool:
    case Kind::Int:
    case Kind::Decimal:
    case Kind::List:
    case Kind::Map:
      append_json(out, v);
      return;
  }
}

void append_json(std::string& out, const Value& v) {
  switch (v.kind) {
    case Kind::Absent:
    case Kind::Invalid:
      out.append("null");
      return;
    case Kind::Bool:
      out.append(v.a.integer != 0 ? "true" : "false");
      return;
    case Kind::Int:
      append_int(out, v.a.integer);
      return;
    case Kind::Decimal:
      decimal::append_text(out, v);
      return;
    case Kind::Float:
      if (std::isfinite(v.a.real)) {
        append_float(out, v.a.real);
        return;
      }
      [[fallthrough]];
    case Kind::Bytes:
    case Kind::Time:
    case Kind::Duration:
    case Kind::Ip:
      out.push_back('"');
      append_text(out, v);
      out.push_back('"');
      return;
    case Kind::String:
      append_json_string(out, v.text());
      return;
    case Kind::List:
      append_list(out, v);
      return;
    case Kind::Map:
      append_map(out, v);
      return;
  }
}

}  // namespace catalyst::value
