#include "compiler/analysis/request_patch.h"

#include <map>
#include <nlohmann/json.hpp>

#include "runtime/value/time.h"

namespace catalyst::analysis {
namespace {

using Json = nlohmann::json;

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::vector<std::string> steps_to(const World& world, NodeId node) {
  std::vector<std::string> out;
  for (NodeId at = node; world.node(at).parent.valid(); at = world.node(at).parent) {
    out.push_back(world.node(at).name);
  }
  return out;
}

std::string* json_of(Witness& w, abi::InputRoot root) {
  switch (root) {
    case abi::InputRoot::CallArgs:
      return &w.args;
    case abi::InputRoot::Result:
      return &w.result;
    case abi::InputRoot::ToolDefinition:
      return &w.definition;
    case abi::InputRoot::PrincipalClaims:
      return &w.claims;
    default:
      return nullptr;
  }
}

RequestPatch::RequestPatch(const World& world, const Model& model, const Witness& request)
    : world_(world), model_(model), full_(make_witness(world, model, request)), out_(request) {}

InputChange RequestPatch::apply(const Feature& feature) {
  InputChange change{feature.path, feature.before, ""};
  if (feature.node.valid() && world_.node(feature.node).root != abi::InputRoot::ClientIp) {
    change.after = patch_json(feature.node);
  } else {
    change.after = patch_plain(feature.path);
  }
  return change;
}

std::string RequestPatch::patch_json(NodeId node) {
  std::string* const text = json_of(out_, world_.node(node).root);
  Json root = Json::parse(text->empty() ? "{}" : *text, nullptr, false);
  const std::vector<std::string> steps = steps_to(world_, node);
  const auto tag = model_.tags.find(node);
  const bool absent = tag == model_.tags.end() || tag->second == Tag::Absent;
  const std::string after = absent ? "absent" : node_json(world_, model_, node);
  Json* at = &root;
  for (size_t i = steps.size(); i-- > 1;) {
    if (!at->contains(steps[i]) && absent) {
      return after;
    }
    at = &(*at)[steps[i]];
    if (!at->is_object()) {
      *at = Json::object();
    }
  }
  if (!steps.empty()) {
    if (absent) {
      at->erase(steps.front());
    } else {
      (*at)[steps.front()] = Json::parse(after, nullptr, false);
    }
  }
  *text = dump(root);
  return after;
}

std::string RequestPatch::patch_plain(const std::string& path) {
  if (path == "principal.risk") {
    out_.risk = full_.risk;
    return std::to_string(full_.risk);
  }
  if (path == "now") {
    out_.now_us = full_.now_us;
    std::string text;
    value::append_time(text, full_.now_us);
    return text;
  }
  if (path == "principal.mfa") {
    out_.mfa = full_.mfa;
    return full_.mfa ? "true" : "false";
  }
  if (path == "principal.roles") {
    out_.roles = full_.roles;
    return dump(full_.roles);
  }
  static const std::map<std::string, std::string Witness::*> kTexts = {
      {"principal.id", &Witness::principal_id}, {"principal.tenant", &Witness::tenant},
      {"session.id", &Witness::session_id},     {"session.protocol", &Witness::protocol},
      {"client.name", &Witness::client_name},   {"client.version", &Witness::client_version},
      {"client.ip", &Witness::client_ip}};
  const auto found = kTexts.find(path);
  if (found == kTexts.end()) {
    return "";
  }
  out_.*found->second = full_.*found->second;
  return dump(full_.*found->second);
}

}  // namespace catalyst::analysis
