#include "runtime/mcp/catalogue.h"

#include <algorithm>

#include "runtime/mcp/json_reader.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

constexpr ListSpec kSpecs[] = {
    {"tools/list", "tools", "name", "tools", "notifications/tools/list_changed"},
    {"prompts/list", "prompts", "name", "prompts", "notifications/prompts/list_changed"},
    {"resources/list", "resources", "uri", "resources", "notifications/resources/list_changed"},
    {"resources/templates/list", "resourceTemplates", "uriTemplate", "resources",
     "notifications/resources/list_changed"},
};

/// Reads the item at the cursor; its key is empty when it has none.
Item read_item(JsonReader& reader, std::string_view key_name) {
  Item item;
  if (reader.peek() != '{') {
    reader.value();
    return item;
  }
  const char* start = reader.position();
  reader.enter_object();
  std::string_view key;
  while (reader.next_member(key)) {
    if (key != key_name) {
      reader.value();
      continue;
    }
    const char* at = reader.position();
    const std::string_view inside = reader.string();
    if (inside.data() != nullptr) {
      item.key = value::unescape_json(inside).value_or(std::string());
      item.key_at = static_cast<uint32_t>(at - start);
      item.key_size = static_cast<uint32_t>(inside.size() + 2);
    }
  }
  if (!reader.failed()) {
    item.json.assign(start, static_cast<size_t>(reader.consumed() - start));
  }
  return item;
}

bool crosses_segments(std::string_view expression) {
  return expression.find_first_of("+#/?&*;.") != std::string_view::npos;
}

}  // namespace

const ListSpec& list_spec(ListKind kind) { return kSpecs[static_cast<size_t>(kind)]; }

std::string Item::federated_json() const {
  std::string out;
  out.reserve(json.size() + federated.size());
  out.append(json, 0, key_at);
  value::append_json_string(out, federated);
  out.append(json, key_at + key_size);
  return out;
}

const Item* Listing::find(ListKind kind, std::string_view key) const {
  const ItemIndex& by_key = index[static_cast<size_t>(kind)];
  const auto found = by_key.find(key);
  return found == by_key.end() ? nullptr : found->second;
}

bool is_named(ListKind kind) { return kind == ListKind::Tools || kind == ListKind::Prompts; }

abi::Hook list_hook(ListKind kind) {
  switch (kind) {
    case ListKind::Tools:
      return abi::Hook::ListTools;
    case ListKind::Prompts:
      return abi::Hook::ListPrompts;
    case ListKind::Resources:
    case ListKind::Templates:
      return abi::Hook::ListResources;
  }
  return abi::Hook::ListTools;
}

Result<std::string> read_page(std::string_view result_json, ListKind kind, const CatalogueLimits& limits,
                              std::vector<Item>& out) {
  const ListSpec& spec = list_spec(kind);
  JsonReader reader;
  std::string cursor;
  bool found = false;
  size_t bytes = 0;
  for (const Item& item : out) {
    bytes += item.json.size();
  }
  if (!reader.open(result_json, JsonReader::kDepthMax) || !reader.enter_object()) {
    return error(std::string(spec.method) + ": the result is not an object");
  }
  std::string_view key;
  while (reader.next_member(key)) {
    if (key == "nextCursor") {
      cursor = value::unescape_json(reader.string()).value_or(std::string());
    } else if (key == spec.member && reader.peek() == '[') {
      found = true;
      reader.enter_array();
      while (reader.next_element()) {
        Item item = read_item(reader, spec.key);
        bytes += item.json.size();
        if (out.size() >= limits.items || bytes > limits.bytes) {
          return error(std::string(spec.method) + ": more than the limit allows");
        }
        if (!item.key.empty()) {
          out.push_back(std::move(item));
        }
      }
    } else {
      reader.value();
    }
  }
  if (!reader.finished() || !found) {
    return error(std::string(spec.method) + ": the result is not a list of " + std::string(spec.member));
  }
  return cursor;
}

Catalogue::Catalogue(std::vector<ServerEntry> servers, std::string_view separator)
    : servers_(std::move(servers)) {
  for (uint32_t server = 0; server < servers_.size(); ++server) {
    const std::shared_ptr<const Listing>& listing = servers_[server].listing;
    if (listing == nullptr || !servers_[server].federated) {
      continue;
    }
    for (const ListKind kind : kListKinds) {
      for (const Item& item : listing->of(kind)) {
        federated_[static_cast<size_t>(kind)].try_emplace(item.federated,
                                                          Found{server, &item, listing.get()});
      }
    }
  }
  single_.resize(servers_.size());
  for (const ListKind kind : kListKinds) {
    build_list({}, kind, all_[static_cast<size_t>(kind)]);
    for (uint32_t server = 0; server < servers_.size(); ++server) {
      build_list({server}, kind, single_[server][static_cast<size_t>(kind)]);
    }
  }
}

std::optional<Catalogue::Found> Catalogue::find(Scope scope, ListKind kind, std::string_view name) const {
  if (scope.federated()) {
    const auto& by_name = federated_[static_cast<size_t>(kind)];
    const auto found = by_name.find(name);
    return found == by_name.end() ? std::nullopt : std::optional(found->second);
  }
  const Listing* listing = servers_[scope.server].listing.get();
  const Item* item = listing == nullptr ? nullptr : listing->find(kind, name);
  return item == nullptr ? std::nullopt : std::optional(Found{scope.server, item, listing});
}

std::optional<Catalogue::Found> Catalogue::find_held(Scope scope, std::string_view name) const {
  for (uint32_t server = 0; server < servers_.size(); ++server) {
    const Listing* listing = servers_[server].listing.get();
    if (!covers(scope, server) || listing == nullptr) {
      continue;
    }
    for (const Item& item : listing->held) {
      if (name == (scope.federated() ? item.federated : item.key)) {
        return Found{server, &item, listing};
      }
    }
  }
  return std::nullopt;
}

std::optional<uint32_t> Catalogue::find_resource(Scope scope, std::string_view uri) const {
  if (!scope.federated()) {
    return scope.server;
  }
  if (const std::optional<Found> found = find(scope, ListKind::Resources, uri)) {
    return found->server;
  }
  for (uint32_t server = 0; server < servers_.size(); ++server) {
    const Listing* listing = servers_[server].listing.get();
    if (listing == nullptr || !servers_[server].federated) {
      continue;
    }
    for (const Item& item : listing->of(ListKind::Templates)) {
      if (matches_template(item.key, uri)) {
        return server;
      }
    }
  }
  return std::nullopt;
}

std::string_view Catalogue::list_json(Scope scope, ListKind kind) const {
  const Texts& texts = scope.federated() ? all_ : single_[scope.server];
  return texts[static_cast<size_t>(kind)];
}

void Catalogue::for_each(Scope scope, ListKind kind, const std::function<void(const Found&)>& visit) const {
  for (uint32_t server = 0; server < servers_.size(); ++server) {
    const ServerEntry& entry = servers_[server];
    if (!covers(scope, server) || entry.state != ServerEntry::State::Listed) {
      continue;
    }
    for (const Item& item : entry.listing->of(kind)) {
      // What another server has under the same federated name could not be reached.
      if (!scope.federated() || find(scope, kind, item.federated)->item == &item) {
        visit({server, &item, entry.listing.get()});
      }
    }
  }
}

void Catalogue::build_list(Scope scope, ListKind kind, std::string& out) const {
  out = "[";
  for_each(scope, kind, [&](const Found& found) {
    if (out.size() > 1) {
      out += ',';
    }
    out += scope.federated() && is_named(kind) ? found.item->federated_json() : found.item->json;
  });
  out += ']';
}

bool Catalogue::settled(Scope scope) const {
  for (uint32_t server = 0; server < servers_.size(); ++server) {
    if (covers(scope, server) && servers_[server].state == ServerEntry::State::Unknown) {
      return false;
    }
  }
  return true;
}

bool matches_template(std::string_view uri_template, std::string_view uri) {
  const size_t open = uri_template.find('{');
  if (open == std::string_view::npos) {
    return uri_template == uri;
  }
  const size_t close = uri_template.find('}', open);
  if (close == std::string_view::npos || !uri.starts_with(uri_template.substr(0, open))) {
    return false;
  }
  const bool wide = crosses_segments(uri_template.substr(open + 1, close - open - 1));
  uri.remove_prefix(open);
  uri_template.remove_prefix(close + 1);
  // Greedy up to the next literal: templates of real servers have one way to match.
  const size_t next = uri_template.find('{');
  const std::string_view literal = uri_template.substr(0, next);
  if (next == std::string_view::npos) {
    if (uri.size() <= literal.size() || !uri.ends_with(literal)) {
      return false;
    }
    const std::string_view value = uri.substr(0, uri.size() - literal.size());
    return wide || value.find('/') == std::string_view::npos;
  }
  const size_t end = literal.empty() ? 1 : uri.find(literal, 1);
  if (end == std::string_view::npos || end > uri.size() ||
      (!wide && uri.substr(0, end).find('/') != std::string_view::npos)) {
    return false;
  }
  return matches_template(uri_template, uri.substr(end));
}

}  // namespace catalyst::mcp
