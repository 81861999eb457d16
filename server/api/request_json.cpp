#include "server/api/request_json.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <vector>

#include "runtime/decision/said_windows.h"

namespace catalyst::server {
namespace {

using Json = nlohmann::json;

constexpr const char* kPrincipal[] = {"id", "tenant", "roles", "mfa", "risk", "claims"};
constexpr const char* kSession[] = {"id", "protocol"};
constexpr const char* kClient[] = {"name", "version", "ip"};

/// Refuses members that nobody reads: a misspelt one would silently decide something else.
Result<void> only_members(const Json& object, std::string_view where, std::span<const char* const> known) {
  if (!object.is_object()) {
    return error(std::string(where) + " must be an object");
  }
  for (const auto& [key, value] : object.items()) {
    bool found = false;
    std::string listed;
    for (const char* name : known) {
      found = found || key == name;
      listed += (listed.empty() ? "" : ", ") + std::string(name);
    }
    if (!found) {
      return error("unknown member `" + key + "` in " + std::string(where) + "; known: " + listed);
    }
  }
  return {};
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string json_of(const Json& object, const char* key, const char* fallback) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? fallback : found->dump();
}

Result<abi::Hook> hook_of(const std::string& text) {
  if (const std::optional<abi::Hook> hook = abi::find_hook(text)) {
    return *hook;
  }
  std::string known;
  for (const abi::HookInfo& info : abi::kHooks) {
    known += (known.empty() ? "" : ", ") + std::string(info.name);
  }
  return error("`" + text + "` is no hook; known: " + known);
}

/// The members that say what a request of a hook is about, as its target does.
struct SubjectMembers {
  const char* server = nullptr;
  const char* thing = nullptr;
};
SubjectMembers subject_members(abi::HookTarget target) {
  switch (target) {
    case abi::HookTarget::Tool:
      return {"server", "tool"};
    case abi::HookTarget::Prompt:
      return {"server", "prompt"};
    case abi::HookTarget::Uri:
      return {"server", "uri"};
    case abi::HookTarget::Server:
      return {"server", nullptr};
    case abi::HookTarget::Agent:
      return {"agent", nullptr};
    case abi::HookTarget::Event:
      return {nullptr, "event"};
    case abi::HookTarget::None:
      return {};
  }
  return {};
}

Result<int64_t> now_of(const Json& root) {
  const auto found = root.find("now");
  if (found == root.end()) {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  if (found->is_number_integer()) {
    return found->get<int64_t>();
  }
  std::tm parts{};
  const std::string text = found->is_string() ? found->get<std::string>() : "";
  const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end == nullptr || *end != '\0') {
    return error("`now` must be microseconds since 1970 or look like 2026-01-01T00:00:00Z");
  }
  return static_cast<int64_t>(timegm(&parts)) * 1'000'000;
}

}  // namespace

namespace {

/// Counters for what a test tells of.
constexpr size_t kTestCounters = 4096;

}  // namespace

struct StoredRequest::Impl {
  decision::SaidWindows said_windows;
  std::unique_ptr<decision::MemoryWindowStore> counted_windows;  // of a test's past calls
  std::string id, tenant, claims, server, tool, args, params, result, definition;
  std::string session_id, protocol_version, client_name, client_version, client_ip;
  std::vector<std::string> roles;
  std::vector<std::string_view> role_views;
  std::vector<std::string> labels;
  std::vector<std::string_view> label_views;
  decision::Principal principal;
  decision::Request request;

  Result<void> read_principal(const Json& json) {
    if (auto known = only_members(json, "principal", kPrincipal); known.has_error()) {
      return known.error();
    }
    id = text_of(json, "id");
    tenant = text_of(json, "tenant");
    claims = json_of(json, "claims", "{}");
    if (const auto found = json.find("roles"); found != json.end() && found->is_array()) {
      for (const Json& role : *found) {
        if (role.is_string()) {
          roles.push_back(role.get<std::string>());
        }
      }
    }
    principal.mfa = json.value("mfa", Json(false)) == Json(true);
    if (const auto found = json.find("risk"); found != json.end() && found->is_number_integer()) {
      principal.risk = found->get<int64_t>();
    }
    return {};
  }

  Result<void> read_subject(const Json& root, abi::Hook hook) {
    request.hook = hook;
    const bool on_tool = hook == abi::Hook::Call || hook == abi::Hook::Result;
    const SubjectMembers names = subject_members(abi::hook_info(hook).target);
    std::vector<const char*> known = {"hook", "principal",  "session", "client",
                                      "now",  "definition", "labels",  "windows"};
    for (const char* name : {names.server, names.thing, on_tool ? "args" : "params",
                             hook == abi::Hook::Result || hook == abi::Hook::Reply ? "result" : nullptr}) {
      if (name != nullptr) {
        known.push_back(name);
      }
    }
    if (auto checked = only_members(root, "the request of hook " + std::string(abi::hook_name(hook)), known);
        checked.has_error()) {
      return checked.error();
    }
    for (const auto& [name, place] : {std::pair{names.server, &server}, std::pair{names.thing, &tool}}) {
      *place = name == nullptr ? "" : text_of(root, name);
      if (name != nullptr && place->empty()) {
        return error("the request needs `" + std::string(name) + "`");
      }
    }
    read_labels(root.value("labels", Json::array()));
    if (const auto found = root.find("windows"); found != root.end()) {
      if (auto said = read_windows(*found); said.has_error()) {
        return said.error();
      }
    }
    request.windows = &said_windows;
    args = json_of(root, "args", "{}");
    params = json_of(root, "params", "");
    result = json_of(root, "result", "");
    definition = json_of(root, "definition", "");
    return {};
  }

  /// Counts the past calls of a test, the oldest first.
  void count_past(const ir::Test& test, const decision::Pack& pack) {
    if (test.past.empty()) {
      return;
    }
    counted_windows = std::make_unique<decision::MemoryWindowStore>(kTestCounters, decision::kOpenSecret);
    std::vector<const ir::PastCall*> calls;
    for (const ir::PastCall& call : test.past) {
      calls.push_back(&call);
    }
    std::stable_sort(calls.begin(), calls.end(),
                     [](const ir::PastCall* a, const ir::PastCall* b) { return a->ago_us > b->ago_us; });
    decision::Evaluator evaluator;
    for (const ir::PastCall* call : calls) {
      decision::Request past = request;
      past.hook = call->hook;
      past.server = call->server;
      past.tool = call->tool;
      past.args = call->args;
      past.params = call->params;
      past.result = past.definition = {};
      past.now_us = request.now_us - call->ago_us;
      const auto events = evaluator.counted(pack, past);
      for (uint32_t i = 0; i < call->times; ++i) {
        decision::count(*counted_windows, pack, events, past.now_us);
      }
    }
    request.windows = counted_windows.get();
  }

  Result<void> read_windows(const Json& json) {
    if (!json.is_object()) {
      return error("windows must be an object: the text of a window, and its value");
    }
    for (const auto& [name, number] : json.items()) {
      if (!number.is_number() || !said_windows.say(name, number.dump())) {
        return error("the value of window `" + name + "` must be a number");
      }
    }
    return {};
  }

  void read_labels(const Json& json) {
    for (const Json& label : json.is_array() ? json : Json::array()) {
      if (label.is_string()) {
        labels.push_back(label.get<std::string>());
      }
    }
  }

  Result<void> read_session(const Json& json) {
    if (auto known = only_members(json, "session", kSession); known.has_error()) {
      return known.error();
    }
    session_id = text_of(json, "id");
    protocol_version = text_of(json, "protocol");
    return {};
  }

  Result<void> read_client(const Json& json) {
    if (auto known = only_members(json, "client", kClient); known.has_error()) {
      return known.error();
    }
    client_name = text_of(json, "name");
    client_version = text_of(json, "version");
    client_ip = text_of(json, "ip");
    return {};
  }

  void set_views() {
    role_views.assign(roles.begin(), roles.end());
    principal.id = id;
    principal.tenant = tenant;
    principal.roles = role_views;
    principal.claims = claims;
    request.principal = &principal;
    label_views.assign(labels.begin(), labels.end());
    request.labels = label_views;
    request.session_id = session_id;
    request.protocol_version = protocol_version;
    request.client_name = client_name;
    request.client_version = client_version;
    request.client_ip = client_ip;
    request.server = server;
    request.tool = tool;
    request.args = args;
    request.params = params;
    request.result = result;
    request.definition = definition;
  }
};

Result<std::unique_ptr<StoredRequest>> StoredRequest::from_json(std::string_view text) {
  const Json root = Json::parse(text, nullptr, false);
  if (root.is_discarded()) {
    return error("the request is not valid JSON");
  }
  auto impl = std::make_unique<Impl>();
  if (!root.is_object()) {
    return error("the request must be an object");
  }
  const auto hook = hook_of(root.value("hook", Json("call")).is_string() ? root.value("hook", "call") : "");
  if (hook.has_error()) {
    return hook.error();
  }
  if (auto read = impl->read_subject(root, *hook); read.has_error()) {
    return read.error();
  }
  const auto now = now_of(root);
  if (now.has_error()) {
    return now.error();
  }
  impl->request.now_us = *now;
  for (const auto& [key, read] :
       {std::pair{"principal", &Impl::read_principal}, std::pair{"session", &Impl::read_session},
        std::pair{"client", &Impl::read_client}}) {
    if (const auto found = root.find(key); found != root.end()) {
      if (auto done = ((*impl).*read)(*found); done.has_error()) {
        return done.error();
      }
    }
  }
  impl->set_views();
  return std::unique_ptr<StoredRequest>(new StoredRequest(std::move(impl)));
}

Result<std::unique_ptr<StoredRequest>> StoredRequest::from_test(const ir::Test& test,
                                                                const decision::Pack& pack) {
  auto impl = std::make_unique<Impl>();
  const auto parse = [](const std::string& text) {
    return text.empty() ? Json::object() : Json::parse(text, nullptr, false);
  };
  for (const auto& [text, read] :
       {std::pair{&test.principal, &Impl::read_principal}, std::pair{&test.session, &Impl::read_session},
        std::pair{&test.client, &Impl::read_client}}) {
    if (auto done = ((*impl).*read)(parse(*text)); done.has_error()) {
      return done.error();
    }
  }
  impl->read_labels(Json::parse(test.labels, nullptr, false));
  impl->request.hook = test.hook;
  impl->request.now_us = test.now_us;
  impl->server = test.server;
  impl->tool = test.tool;
  impl->args = test.args;
  impl->params = test.params;
  impl->result = test.result;
  impl->definition = test.definition;
  impl->set_views();
  impl->count_past(test, pack);
  return std::unique_ptr<StoredRequest>(new StoredRequest(std::move(impl)));
}

StoredRequest::StoredRequest(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StoredRequest::~StoredRequest() = default;

const decision::Request& StoredRequest::request() const { return impl_->request; }

std::string StoredRequest::unknown_window(const decision::Pack& pack) const {
  for (const auto& [name, ignored] : impl_->said_windows.values()) {
    const auto& windows = pack.unit().windows;
    if (std::none_of(windows.begin(), windows.end(),
                     [&](const abi::WindowInfo& window) { return window.name == name; })) {
      return name;
    }
  }
  return {};
}

}  // namespace catalyst::server
