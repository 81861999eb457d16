#include "runtime/decision/explain.h"

#include <algorithm>

#include "runtime/value/json_text.h"

namespace catalyst::decision {

namespace {

constexpr size_t kValueBytesMax = 200;  // of one value in text form

using Files = std::vector<std::string>;

std::string place_text(const Files& files, const abi::SourcePlace& place) {
  if (place.file >= files.size()) {
    return {};
  }
  return files[place.file] + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
}

std::string_view state_word(ExplainedRule::State state) {
  switch (state) {
    case ExplainedRule::State::Matched:
      return "matched";
    case ExplainedRule::State::NotMatched:
      return "not matched";
    case ExplainedRule::State::Failed:
      return "failed";
    case ExplainedRule::State::Open:
      return "depends on what is asked";
  }
  return {};
}

std::string_view outcome_word(const Explanation& e) {
  if (e.hidden) {
    return "hidden";
  }
  return e.outcome == Outcome::Deny ? "deny" : "allow";
}

std::string_view audit_word(AuditLevel level) {
  switch (level) {
    case AuditLevel::None:
      return "none";
    case AuditLevel::Metadata:
      return "metadata";
    case AuditLevel::Full:
      return "full";
  }
  return {};
}

void append_shortened(std::string& out, std::string_view text) {
  size_t length = text.size();
  if (length > kValueBytesMax) {
    length = kValueBytesMax;
    while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80) {
      --length;
    }
  }
  out += text.substr(0, length);
  if (length < text.size()) {
    out += "...";
  }
}

/// One line, whatever the author's line breaks.
void append_source(std::string& out, std::string_view source) {
  bool space = false;
  for (const char c : source) {
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
      space = true;
      continue;
    }
    if (space) {
      out += ' ';
      space = false;
    }
    out += c;
  }
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  out += out.back() == '{' ? "" : ",";
  value::append_json_string(out, name);
  out += ':';
  value::append_json_string(out, text);
}

void append_raw(std::string& out, std::string_view name, std::string_view json) {
  out += out.back() == '{' ? "" : ",";
  value::append_json_string(out, name);
  out.append(1, ':').append(json);
}

void append_place(std::string& out, const Files& files, const abi::SourcePlace& place) {
  if (place.file < files.size()) {
    append_member(out, "file", files[place.file]);
    append_raw(out, "line", std::to_string(place.line));
    append_raw(out, "column", std::to_string(place.column));
  }
}

void append_rule_json(std::string& out, const Explanation& e, const ExplainedRule& rule) {
  out += '{';
  append_member(out, "name", rule.name);
  append_member(out, "state", state_word(rule.state));
  append_raw(out, "decided", rule.decided ? "true" : "false");
  if (rule.status != value::Status::Ok) {
    append_member(out, "error", value::status_name(rule.status));
  }
  append_place(out, e.files, rule.place);
  out += ",\"conditions\":" + conditions_json(rule.conditions, e.files) + "}";
}

void append_route_json(std::string& out, const Explanation& e, const ExplainedRoute& route) {
  const auto append_texts = [&out](std::string_view name, const std::vector<std::string>& texts) {
    append_raw(out, name, "[");
    for (const std::string& text : texts) {
      out += out.back() == '[' ? "" : ",";
      value::append_json_string(out, text);
    }
    out += ']';
  };
  out += '{';
  append_member(out, "name", route.name);
  append_member(out, "by", route.by);
  append_member(out, "preferred", route.preferred);
  append_texts("servers", route.servers);
  append_texts("notes", route.notes);
  append_place(out, e.files, route.place);
  append_raw(out, "prefers", "[");
  for (const ExplainedRoute::Prefer& prefer : route.prefers) {
    out += out.back() == '[' ? "{" : ",{";
    append_member(out, "server", prefer.server);
    append_member(out, "state", state_word(prefer.state));
    if (prefer.status != value::Status::Ok) {
      append_member(out, "error", value::status_name(prefer.status));
    }
    out += ",\"conditions\":" + conditions_json(prefer.conditions, e.files) + "}";
  }
  out += "]}";
}

std::string route_text(const ExplainedRoute& route, const Files& files) {
  std::string out = "\nroute " + route.name + (route.by.empty() ? "" : ", chosen by " + route.by);
  const std::string place = place_text(files, route.place);
  out += place.empty() ? "\n" : "  at " + place + "\n";
  std::string servers;
  for (const std::string& server : route.servers) {
    servers += (servers.empty() ? "" : ", ") + server;
  }
  out += "  to " + (servers.empty() ? "the server of the tool" : servers);
  out += route.preferred.empty() ? "\n" : ", first " + route.preferred + "\n";
  for (const std::string& note : route.notes) {
    out += "  ";
    append_shortened(out, note);
    out += '\n';
  }
  for (const ExplainedRoute::Prefer& prefer : route.prefers) {
    out += "  prefer " + prefer.server + ": " + std::string(state_word(prefer.state));
    out += prefer.status == value::Status::Ok ? "\n"
                                              : " (" + std::string(value::status_name(prefer.status)) + ")\n";
    out += conditions_text(prefer.conditions, files);
  }
  return out;
}

}  // namespace

std::string conditions_json(const std::vector<ExplainedCondition>& conditions, const Files& files) {
  std::string out = "[";
  for (const ExplainedCondition& c : conditions) {
    out += out.back() == '[' ? "{" : ",{";
    append_member(out, "source", c.source);
    if (c.status == value::Status::Ok) {
      append_raw(out, "value", c.value);
    } else {
      append_member(out, "error", value::status_name(c.status));
    }
    append_place(out, files, c.place);
    out += '}';
  }
  return out + "]";
}

std::string conditions_text(const std::vector<ExplainedCondition>& conditions, const Files& files) {
  std::string out;
  for (const ExplainedCondition& c : conditions) {
    out += "  ";
    append_source(out, c.source);
    out += " = ";
    if (c.status == value::Status::Ok) {
      append_shortened(out, c.value);
    } else {
      out += "error " + std::string(value::status_name(c.status));
    }
    const std::string at = place_text(files, c.place);
    out += at.empty() ? "\n" : "  at " + at + "\n";
  }
  return out;
}

std::string to_text(const Explanation& e) {
  std::string out(outcome_word(e));
  out += e.rule.empty() ? " by default" : " by " + e.rule;
  const bool requires_something =
      std::any_of(e.effects.begin(), e.effects.end(),
                  [](const std::string& effect) { return effect.starts_with("require "); });
  out += requires_something ? ", held back without what it requires" : "";
  out += " (on " + std::string(abi::hook_name(e.hook)) + ", pack " + e.pack + ")\n";
  if (!e.message.empty()) {
    out += "  message: " + e.message + "\n";
  }
  if (e.audit != AuditLevel::None) {
    out += "  audit " + std::string(audit_word(e.audit)) + "\n";
  }
  for (const std::string& effect : e.effects) {
    out += "  ";
    append_shortened(out, effect);
    out += '\n';
  }
  for (const ExplainedRule& rule : e.rules) {
    out += "\nrule " + rule.name + ": " + std::string(state_word(rule.state));
    if (rule.status != value::Status::Ok) {
      out += " (" + std::string(value::status_name(rule.status)) + ")";
    }
    out += rule.decided ? ", decided" : "";
    const std::string place = place_text(e.files, rule.place);
    out += place.empty() ? "\n" : "  at " + place + "\n";
    for (const std::string& note : rule.notes) {
      out += "  " + note + "\n";
    }
    out += conditions_text(rule.conditions, e.files);
  }
  return out + (e.route ? route_text(*e.route, e.files) : "");
}

std::string to_json(const Explanation& e) {
  std::string out = "{";
  append_member(out, "outcome", outcome_word(e));
  append_member(out, "rule", e.rule);
  append_member(out, "message", e.message);
  append_member(out, "hook", abi::hook_name(e.hook));
  append_member(out, "pack", e.pack);
  append_member(out, "audit", audit_word(e.audit));
  out += ",\"effects\":[";
  for (const std::string& effect : e.effects) {
    out += out.back() == '[' ? "" : ",";
    value::append_json_string(out, effect);
  }
  out += "],\"rules\":[";
  for (const ExplainedRule& rule : e.rules) {
    out += out.back() == '[' ? "" : ",";
    append_rule_json(out, e, rule);
  }
  out += ']';
  if (e.route) {
    append_raw(out, "route", "");
    append_route_json(out, e, *e.route);
  }
  return out + "}";
}

}  // namespace catalyst::decision
