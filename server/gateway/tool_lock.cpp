#include "server/gateway/tool_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "runtime/observe/log.h"
#include "server/config/digest.h"

namespace catalyst::server {
namespace {

using Json = nlohmann::json;
using observe::Level;

constexpr size_t kFileBytesMax = size_t{256} * 1024 * 1024;

std::string digest_of(const Json& pinned) {
  // Members of an object are sorted: one text for one meaning.
  return hex_digest(sha256(pinned.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

/// {"version": 1, "servers": {NAME: {TOOL: {"sha256": ..., "definition": {...}}}}}
Result<std::map<std::string, std::map<std::string, Json>>> read_pins(const std::string& path) {
  std::map<std::string, std::map<std::string, Json>> out;
  std::error_code failure;
  if (!std::filesystem::exists(path, failure)) {
    return out;
  }
  if (std::filesystem::file_size(path, failure) > kFileBytesMax) {
    return error(path + ": larger than 256 MiB");
  }
  std::ifstream in(path, std::ios::binary);
  const Json whole = Json::parse(in, nullptr, false);
  if (!whole.is_object() || whole.value("version", Json()) != Json(1) ||
      !whole.value("servers", Json()).is_object()) {
    return error(path + ": not a lock file of version 1");
  }
  for (const auto& [server, tools] : whole["servers"].items()) {
    out[server];
    if (!tools.is_object()) {
      return error(path + ": servers." + server + " must be an object");
    }
    for (const auto& [tool, pin] : tools.items()) {
      const Json definition = pin.is_object() ? pin.value("definition", Json()) : Json();
      if (!definition.is_object() || pin.value("sha256", Json()) != Json(digest_of(definition))) {
        return error(path + ": the digest of " + server + "." + tool + " does not fit its definition");
      }
      out[server][tool] = definition;
    }
  }
  return out;
}

/// Replaces the file in one step.
Result<void> replace_file(const std::string& path, const std::string& text) {
  const std::string fresh = path + ".new";
  std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out || ::rename(fresh.c_str(), path.c_str()) != 0) {
    return error("cannot write " + path + ": " + std::strerror(errno));
  }
  return {};
}

std::string texts_of(const std::vector<DefinitionChange>& changes) {
  std::string out;
  for (const DefinitionChange& change : changes) {
    out += (out.empty() ? "" : "; ") + change.text();
  }
  return out;
}

/// What a server says need not be of the right type.
std::string text_of(const Json& object, const char* name) {
  const Json value = object.is_object() ? object.value(name, Json()) : Json();
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::vector<DefinitionChange> changes_of(const std::map<std::string, Json>& pins, const std::string& tool,
                                         const Json& now) {
  const auto pin = pins.find(tool);
  if (pin == pins.end()) {
    return {{DefinitionChange::Kind::ToolAdded, "", "", text_of(now, "description")}};
  }
  return diff_definitions(pin->second, now);
}

}  // namespace

Result<std::unique_ptr<ToolLock>> ToolLock::open(std::string path) {
  std::unique_ptr<ToolLock> out(new ToolLock(std::move(path)));
  if (const Result<void> read = out->reload(); read.has_error()) {
    return read.error();
  }
  return out;
}

Result<void> ToolLock::reload() {
  auto pins = read_pins(path_);
  if (pins.has_error()) {
    return pins.error();
  }
  const std::lock_guard lock(mutex_);
  pins_ = std::move(*pins);
  return {};
}

void ToolLock::inspect(const std::string& server, std::vector<mcp::Item>& tools,
                       std::vector<mcp::Item>& held) {
  const std::lock_guard lock(mutex_);
  const bool first = pins_.count(server) == 0;
  Pins& pins = pins_[server];
  std::map<std::string, Waiting> waiting;
  std::vector<mcp::Item> good;
  for (mcp::Item& item : tools) {
    Json now = pinned_part(Json::parse(item.json, nullptr, false));
    if (first) {
      pins[item.key] = std::move(now);
      good.push_back(std::move(item));
      continue;
    }
    std::vector<DefinitionChange> changes = changes_of(pins, item.key, now);
    if (changes.empty()) {
      good.push_back(std::move(item));
    } else {
      waiting[item.key] = {std::move(now), std::move(changes)};
      held.push_back(std::move(item));
    }
  }
  tools = std::move(good);
  for (const auto& [tool, wait] : waiting) {
    const auto before = waiting_[server].find(tool);
    if (before == waiting_[server].end() || before->second.definition != wait.definition) {
      observe::log(Level::Warn, "a tool waits for approval",
                   {{"server", server}, {"tool", tool}, {"changes", texts_of(wait.changes)}});
    }
  }
  waiting_[server] = std::move(waiting);
  if (first) {
    const Result<void> written = write_locked();
    observe::log(written.has_error() ? Level::Error : Level::Info,
                 written.has_error() ? "the lock file cannot be written" : "tools pinned as first seen",
                 {{"server", server},
                  {"tools", uint64_t{pins.size()}},
                  {"reason", written.has_error() ? written.error().message() : ""}});
  }
}

std::vector<HeldTool> ToolLock::held() const {
  const std::lock_guard lock(mutex_);
  std::vector<HeldTool> out;
  for (const auto& [server, tools] : waiting_) {
    for (const auto& [tool, wait] : tools) {
      out.push_back({server, tool, wait.changes});
    }
  }
  return out;
}

size_t ToolLock::held_count(const std::string& server) const {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(server);
  return found == waiting_.end() ? 0 : found->second.size();
}

Result<size_t> ToolLock::approve(const std::string& server, const std::string& tool) {
  const std::lock_guard lock(mutex_);
  const auto before = pins_;
  size_t count = 0;
  for (auto& [name, tools] : waiting_) {
    if (!server.empty() && name != server) {
      continue;
    }
    for (const auto& [waiting, wait] : tools) {
      if (tool.empty() || waiting == tool) {
        pins_[name][waiting] = wait.definition;
        ++count;
      }
    }
  }
  if (count > 0) {
    if (const Result<void> written = write_locked(); written.has_error()) {
      pins_ = before;  // what does not last was not approved
      return written.error();
    }
  }
  return count;
}

std::vector<HeldTool> ToolLock::pin_all(const std::string& server, const Json& definitions) {
  const std::lock_guard lock(mutex_);
  Pins fresh;
  std::vector<HeldTool> out;
  Pins& old = pins_[server];
  for (const Json& definition : definitions) {
    const std::string tool = text_of(definition, "name");
    Json now = pinned_part(definition);
    std::vector<DefinitionChange> changes = changes_of(old, tool, now);
    if (!changes.empty()) {
      out.push_back({server, tool, std::move(changes)});
    }
    fresh[tool] = std::move(now);
  }
  for (const auto& [tool, pin] : old) {
    if (fresh.count(tool) == 0) {
      out.push_back({server, tool, {{DefinitionChange::Kind::ToolRemoved, "", "", ""}}});
    }
  }
  old = std::move(fresh);
  return out;
}

Result<void> ToolLock::write() const {
  const std::lock_guard lock(mutex_);
  return write_locked();
}

Result<void> ToolLock::write_locked() const {
  Json servers = Json::object();
  for (const auto& [server, pins] : pins_) {
    servers[server] = Json::object();
    for (const auto& [tool, definition] : pins) {
      servers[server][tool] = {{"sha256", digest_of(definition)}, {"definition", definition}};
    }
  }
  const Json whole = {{"version", 1}, {"servers", std::move(servers)}};
  return replace_file(path_, whole.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace catalyst::server
