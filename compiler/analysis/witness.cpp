#include "compiler/analysis/witness.h"

#include <algorithm>
#include <charconv>

#include "runtime/value/ip.h"
#include "runtime/value/json_text.h"
#include "runtime/value/time.h"

namespace catalyst::analysis {
namespace {

using abi::InputRoot;

/// Writes the JSON of one input root from a model.
class JsonWriter {
 public:
  JsonWriter(const World& world, const Model& model) : world_(world), model_(model) {}

  [[nodiscard]] Tag tag(NodeId node) const {
    const auto found = model_.tags.find(node);
    return found == model_.tags.end() ? Tag::Absent : found->second;
  }

  void write(std::string& out, NodeId id) const {
    const JsonNode& node = world_.node(id);
    switch (tag(id)) {
      case Tag::Absent:
        out += "null";
        break;
      case Tag::Bool: {
        const auto found = model_.truths.find(node.truth);
        out += found != model_.truths.end() && found->second ? "true" : "false";
        break;
      }
      case Tag::Number:
        out += number(node);
        break;
      case Tag::Text:
        value::append_json_string(out, text(id));
        break;
      case Tag::List:
        list(out, node);
        break;
      case Tag::Object:
        object(out, node);
        break;
      case Tag::Repeated:
        out += "0";  // the member is written twice by who writes the object
        break;
    }
  }

 private:
  [[nodiscard]] bool truth(BoolVar v) const {
    const auto found = model_.truths.find(v);
    return found != model_.truths.end() && found->second;
  }

  [[nodiscard]] std::string number(const JsonNode& node) const {
    if (truth(node.inexact)) {
      return "1e-40";
    }
    const auto found = model_.numbers.find(node.number);
    std::string out = found == model_.numbers.end() ? "0" : found->second;
    if (!out.empty() && out.back() == '?') {
      out.pop_back();  // more digits than were asked for
    }
    return truth(node.fraction) && out.find('.') == std::string::npos ? out + ".0" : out;
  }

  [[nodiscard]] std::string text(NodeId id) const {
    const JsonNode& node = world_.node(id);
    for (const auto& [as, number] : node.parsed) {
      const auto found = model_.numbers.find(number);
      const std::string name = world_.path(id) + " as " + as;
      if (found == model_.numbers.end() || !holds(name)) {
        continue;
      }
      return as == "ip" ? ip_text(found->second) : moment(as, found->second);
    }
    const auto found = model_.texts.find(node.text);
    return found == model_.texts.end() ? "text" : found->second;
  }

  [[nodiscard]] bool holds(const std::string& name) const {
    for (const auto& [v, value] : model_.truths) {
      if (world_.truths()[v.index].name == name) {
        return value;
      }
    }
    return true;
  }

  static std::string moment(const std::string& as, const std::string& numeral) {
    int64_t us = 0;
    std::from_chars(numeral.data(), numeral.data() + numeral.size(), us);
    std::string out;
    if (as == "time") {
      value::append_time(out, us);
    } else {
      value::append_duration(out, us);
    }
    return out;
  }

  void list(std::string& out, const JsonNode& node) const {
    for (const CollVar v : node.lists) {
      const auto found = model_.collections.find(v);
      if (found == model_.collections.end()) {
        continue;
      }
      out += '[';
      for (const std::string& item : found->second) {
        out += out.back() == '[' ? "" : ",";
        value::append_json_string(out, item);
      }
      out += ']';
      return;
    }
    out += "[]";
  }

  void object(std::string& out, const JsonNode& node) const {
    out += '{';
    for (const NodeId child : node.children) {
      if (tag(child) == Tag::Absent) {
        continue;
      }
      for (int times = tag(child) == Tag::Repeated ? 2 : 1; times > 0; --times) {
        out += out.back() == '{' ? "" : ",";
        value::append_json_string(out, world_.node(child).name);
        out += ':';
        write(out, child);
      }
    }
    if (truth(node.odd)) {
      out += out.back() == '{' ? "" : ",";
      out += R"("?":0,"?":0)";
    }
    out += '}';
  }

 public:
  static std::string ip_text(const std::string& numeral) {
    unsigned __int128 x = 0;
    for (const char c : numeral) {
      x = x * 10 + static_cast<unsigned>(c - '0');
    }
    uint8_t octets[16];
    for (int i = 15; i >= 0; --i) {
      octets[i] = static_cast<uint8_t>(x);
      x >>= 8;
    }
    std::string out;
    value::append_ip(out, value::Value::of_ip(octets, 128));
    return out;
  }

 private:
  const World& world_;
  const Model& model_;
};

void member(std::string& out, std::string_view key, std::string_view json) {
  out += out.back() == '{' ? "" : ", ";
  value::append_json_string(out, key);
  out += ": ";
  out += json;
}

std::string principal_json(const Witness& w) {
  std::string out = "{";
  member(out, "id", value::json_string(w.principal_id));
  if (!w.tenant.empty()) {
    member(out, "tenant", value::json_string(w.tenant));
  }
  std::string roles = "[";
  for (const std::string& role : w.roles) {
    roles += (roles.size() > 1 ? ", " : "") + value::json_string(role);
  }
  member(out, "roles", roles + "]");
  if (w.mfa) {
    member(out, "mfa", "true");
  }
  if (w.risk != 0) {
    member(out, "risk", std::to_string(w.risk));
  }
  if (w.claims != "{}") {
    member(out, "claims", w.claims);
  }
  return out + "}";
}

struct Texts {
  const char* name;
  std::string Witness::* member;
};

}  // namespace

std::string Witness::to_json() const {
  std::string out = "{";
  member(out, "hook", value::json_string(abi::hook_name(hook)));
  member(out, "server", value::json_string(server));
  member(out, "tool", value::json_string(tool));
  if (args != "{}") {
    member(out, "args", args);
  }
  if (!result.empty()) {
    member(out, "result", result);
  }
  if (!definition.empty()) {
    member(out, "definition", definition);
  }
  member(out, "principal", principal_json(*this));
  if (!session_id.empty() || !protocol.empty()) {
    member(out, "session",
           "{\"id\": " + value::json_string(session_id) + ", \"protocol\": " + value::json_string(protocol) +
               "}");
  }
  if (!client_name.empty() || !client_version.empty() || !client_ip.empty()) {
    member(out, "client",
           "{\"name\": " + value::json_string(client_name) + ", \"version\": " +
               value::json_string(client_version) + ", \"ip\": " + value::json_string(client_ip) + "}");
  }
  std::string now;
  value::append_time(now, now_us);
  member(out, "now", value::json_string(now));
  if (!windows.empty()) {
    std::string said = "{";
    for (const auto& [name, numeral] : windows) {
      member(said, name, numeral);
    }
    member(out, "windows", said + "}");
  }
  return out + "}";
}

std::string Witness::to_text() const {
  std::string out = std::string(abi::hook_name(hook)) + " " + server + "." + tool;
  if (args != "{}") {
    out += " " + args;
  }
  if (!result.empty()) {
    out += " returning " + result;
  }
  if (!definition.empty()) {
    out += " defined as " + definition;
  }
  out += " by " + principal_json(*this);
  if (!client_ip.empty() || !client_name.empty()) {
    out += " from " + client_name + (client_name.empty() || client_ip.empty() ? "" : " at ") + client_ip;
  }
  if (now_us != kNow) {
    out += " at ";
    value::append_time(out, now_us);
  }
  for (const auto& [name, numeral] : windows) {
    out += (name == windows.begin()->first ? ", where " : " and ") + name + " is " + numeral;
  }
  return out;
}

WitnessRequest::WitnessRequest(const Witness& w) : roles_(w.roles.begin(), w.roles.end()) {
  principal_.id = w.principal_id;
  principal_.tenant = w.tenant;
  principal_.roles = roles_;
  principal_.risk = w.risk;
  principal_.mfa = w.mfa;
  principal_.claims = w.claims;
  request_.hook = w.hook;
  request_.principal = &principal_;
  request_.session_id = w.session_id;
  request_.protocol_version = w.protocol;
  request_.client_name = w.client_name;
  request_.client_version = w.client_version;
  request_.client_ip = w.client_ip;
  request_.server = w.server;
  request_.tool = w.tool;
  request_.args = w.args;
  request_.result = w.result;
  request_.definition = w.definition;
  request_.now_us = w.now_us;
  for (const auto& [name, numeral] : w.windows) {
    windows_.say(name, numeral);
  }
  request_.windows = &windows_;
}

std::string node_json(const World& world, const Model& model, NodeId node) {
  std::string out;
  JsonWriter(world, model).write(out, node);
  return out;
}

Witness make_witness(const World& world, const Model& model, const Witness& base) {
  static constexpr Texts kTexts[] = {
      {"principal.id", &Witness::principal_id}, {"principal.tenant", &Witness::tenant},
      {"session.id", &Witness::session_id},     {"session.protocol", &Witness::protocol},
      {"client.name", &Witness::client_name},   {"client.version", &Witness::client_version},
      {"call.server", &Witness::server},        {"call.tool", &Witness::tool},
  };
  Witness out = base;
  for (const auto& [v, text] : model.texts) {
    for (const Texts& each : kTexts) {
      if (world.texts()[v.index].name == each.name) {
        out.*each.member = text;
      }
    }
  }
  for (const auto& [v, numeral] : model.numbers) {
    const std::string& name = world.numbers()[v.index].name;
    int64_t* const into = name == "principal.risk" ? &out.risk : (name == "now" ? &out.now_us : nullptr);
    if (into != nullptr) {
      std::from_chars(numeral.data(), numeral.data() + numeral.size(), *into);
    }
  }
  for (const WindowInput& window : world.windows()) {
    const auto found = model.numbers.find(window.value);
    if (found == model.numbers.end()) {
      continue;
    }
    const bool inexact = found->second.ends_with('?');  // more digits than were asked for
    for (const std::string& name : window.names) {
      out.windows.erase(name);
      if (found->second != "0") {
        out.windows[name] = found->second.substr(0, found->second.size() - (inexact ? 1 : 0));
      }
    }
  }
  for (const auto& [v, value] : model.truths) {
    if (world.truths()[v.index].name == "principal.mfa") {
      out.mfa = value;
    }
  }
  for (const auto& [v, items] : model.collections) {
    if (world.collections()[v.index].name == "principal.roles") {
      out.roles = items;
    }
  }
  const JsonWriter writer(world, model);
  for (const auto& [id, tag] : model.tags) {
    const JsonNode& node = world.node(id);
    if (node.parent.valid()) {
      continue;
    }
    std::string text;
    writer.write(text, id);
    const bool absent = tag == Tag::Absent;
    switch (node.root) {
      case InputRoot::CallArgs:
        out.args = absent ? "{}" : text;
        break;
      case InputRoot::Result:
        out.result = absent ? "{}" : text;
        break;
      case InputRoot::ToolDefinition:
        out.definition = absent ? "{}" : text;
        break;
      case InputRoot::PrincipalClaims:
        out.claims = absent ? "{}" : text;
        break;
      case InputRoot::ClientIp: {
        const auto address = node.parsed.find("ip");
        const auto number =
            address == node.parsed.end() ? model.numbers.end() : model.numbers.find(address->second);
        const bool readable =
            tag == Tag::Text && number != model.numbers.end() && number->second.front() != '-';
        out.client_ip = absent ? "" : (readable ? JsonWriter::ip_text(number->second) : "?");
        break;
      }
      case InputRoot::PrincipalId:
      case InputRoot::PrincipalTenant:
      case InputRoot::PrincipalRoles:
      case InputRoot::PrincipalRisk:
      case InputRoot::PrincipalMfa:
      case InputRoot::Labels:
      case InputRoot::SessionId:
      case InputRoot::SessionProtocol:
      case InputRoot::ClientName:
      case InputRoot::ClientVersion:
      case InputRoot::CallServer:
      case InputRoot::CallTool:
      case InputRoot::Now:
      case InputRoot::Params:
      case InputRoot::Window:
      case InputRoot::Argument:
        break;
    }
  }
  return out;
}

}  // namespace catalyst::analysis
