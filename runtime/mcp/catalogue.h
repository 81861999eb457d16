#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/abi/hook.h"
#include "runtime/base/result.h"
#include "runtime/mcp/endpoint.h"
#include "runtime/mcp/param_headers.h"
#include "runtime/mcp/session.h"
#include "runtime/mcp/upstream.h"

namespace catalyst::mcp {

/// What servers list.
enum class ListKind : uint8_t { Tools, Prompts, Resources, Templates };
inline constexpr std::array<ListKind, 4> kListKinds = {ListKind::Tools, ListKind::Prompts,
                                                       ListKind::Resources, ListKind::Templates};

struct ListSpec {
  std::string_view method;      // "tools/list"
  std::string_view member;      // of the result, "tools"
  std::string_view key;         // of an item, what it is found by: "name", "uri", "uriTemplate"
  std::string_view capability;  // "tools"
  std::string_view changed;     // the notification that it changed
};
const ListSpec& list_spec(ListKind kind);
/// The hook whose rules say what of a list is seen.
abi::Hook list_hook(ListKind kind);
/// True for what is found by a name that federation changes: tools and prompts.
bool is_named(ListKind kind);

}  // namespace catalyst::mcp

namespace catalyst::schema {
class Schema;
}

namespace catalyst::mcp {

/// One definition as its server gave it.
struct Item {
  std::string key;      // name, uri or uri template, unescaped
  std::string json;     // the definition, byte for byte
  uint32_t key_at = 0;  // where the key's value stands in `json`, quotes included
  uint32_t key_size = 0;
  std::string federated;             // "server__name" for tools and prompts, else the key
  std::vector<ParamHeader> headers;  // of a modern server's tool
  bool read_only = false;            // what a tool's annotations say
  bool idempotent = false;
  std::shared_ptr<const schema::Schema> arguments;  // of a tool whose arguments are checked; else nullptr

  /// The definition under its federated name; only the name differs from `json`.
  [[nodiscard]] std::string federated_json() const;
};

using ItemIndex = std::unordered_map<std::string_view, const Item*>;

/// Everything one server lists. Immutable once built.
struct Listing {
  std::shared_ptr<const UpstreamInfo> info;
  std::array<std::vector<Item>, 4> items;
  std::array<ItemIndex, 4> index;  // views into items
  std::vector<Item> held;          // tools that wait for approval; they stand nowhere else

  [[nodiscard]] const std::vector<Item>& of(ListKind kind) const { return items[static_cast<size_t>(kind)]; }
  [[nodiscard]] const Item* find(ListKind kind, std::string_view key) const;
};

/// Adds the items of one page, the text of a list result, to `out`. Items without a key, and keys that were
/// there before, are left out. Answers the cursor of the next page, "" when this was the last. An error when
/// the page is not a list or a limit is exceeded.
Result<std::string> read_page(std::string_view result_json, ListKind kind, const CatalogueLimits& limits,
                              std::vector<Item>& out);

struct ServerEntry {
  enum class State : uint8_t {
    Unknown,  // not greeted yet
    Listed,
    Missing,  // down, or its lists could not be read
  };
  std::string name;
  bool federated = true;  // part of what is served for all servers
  State state = State::Unknown;
  std::shared_ptr<const Listing>
      listing;  // the last one, kept while Missing so that a call can say what is wrong
  std::string error;
};

/// The upstreams' listings at one moment, federated. Immutable; shared by all threads.
class Catalogue {
 public:
  struct Found {
    uint32_t server = 0;
    const Item* item = nullptr;
    const Listing* listing = nullptr;
  };

  /// Federated names are server + separator + name. Should two of them be equal, the server configured first
  /// has it.
  Catalogue(std::vector<ServerEntry> servers, std::string_view separator);

  [[nodiscard]] const std::vector<ServerEntry>& servers() const { return servers_; }
  /// By the name that clients of `scope` use. Servers that are Missing are searched too.
  [[nodiscard]] std::optional<Found> find(Scope scope, ListKind kind, std::string_view name) const;
  /// The same for tools that wait for approval.
  [[nodiscard]] std::optional<Found> find_held(Scope scope, std::string_view name) const;
  /// The server that answers for a resource: the first that lists the uri, else the first with a matching
  /// template; nullopt when none.
  [[nodiscard]] std::optional<uint32_t> find_resource(Scope scope, std::string_view uri) const;
  [[nodiscard]] bool covers(Scope scope, uint32_t server) const {
    return scope.federated() ? servers_[server].federated : scope.server == server;
  }
  /// JSON array of everything that `scope` lists, in configuration order, then in each server's own order.
  [[nodiscard]] std::string_view list_json(Scope scope, ListKind kind) const;
  /// The same one by one, with the definition under the name that clients of `scope` see built by
  /// `federated_json` when federated.
  void for_each(Scope scope, ListKind kind, const std::function<void(const Found&)>& visit) const;
  [[nodiscard]] bool settled(Scope scope) const;

 private:
  using Texts = std::array<std::string, 4>;
  void build_list(Scope scope, ListKind kind, std::string& out) const;

  std::vector<ServerEntry> servers_;
  std::array<std::unordered_map<std::string_view, Found>, 4> federated_;
  Texts all_;
  std::vector<Texts> single_;
};

/// RFC 6570 templates as servers use them: an expression matches any non-empty text, without '/' unless it is
/// {+x}, {#x}, {/x}, {x*} or a query.
bool matches_template(std::string_view uri_template, std::string_view uri);

}  // namespace catalyst::mcp
