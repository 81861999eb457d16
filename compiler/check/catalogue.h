#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compiler/check/schema.h"
#include "compiler/ir/ir.h"

namespace catalyst::check {

/// True when `pattern` (with `*` for any run) matches all of `text`. Linear in their product, without
/// backtracking.
bool glob_matches(std::string_view pattern, std::string_view text);

/// A text that both patterns match, or nullopt when there is none. `*` stands for nothing where it can.
std::optional<std::string> glob_overlap(std::string_view a, std::string_view b);

struct Server {
  std::string name;
  bool has_schema = false;
  std::vector<Tool> tools;                             // sorted as published
  std::unordered_map<std::string_view, size_t> index;  // by name, into tools
};

/// The tools a rule is about, and what is known of their arguments and results.
struct ToolSet {
  struct Member {
    const Server* server;
    const Tool* tool;
  };
  std::string text;             // "db.query", "the tools of `db.*`": for messages
  std::vector<Member> members;  // known tools that match
  bool open = false;            // tools without a schema may match, too
  TypeId args;
  TypeId structured;  // without its `?`
};

/// The servers of a pack and their tools. Answers are cached: many rules share a target. Pointers stay valid
/// as long as the catalogue.
class Catalogue {
 public:
  explicit Catalogue(types::TypeTable& types) : types_(types) {}

  /// False when a server of that name is there already.
  bool add(Server server);
  [[nodiscard]] const Server* find(std::string_view name) const;
  [[nodiscard]] bool empty() const { return servers_.empty(); }
  [[nodiscard]] const std::vector<std::unique_ptr<Server>>& servers() const { return servers_; }

  /// Tools that any of `patterns` matches (no pattern: all).
  const ToolSet& match(const std::vector<ir::TargetPattern>& patterns);
  /// For facts that no rule uses: all tools, and what any of them requires counts as required.
  const ToolSet& everything_leniently();

 private:
  enum class Merge : uint8_t { Strict, Lenient };
  void collect(const ir::TargetPattern& pattern, ToolSet& set) const;
  TypeId merge(std::vector<TypeId> schemas, bool open, Merge how, const std::string& name);
  TypeId merge_records(const std::vector<TypeId>& schemas, Merge how, const std::string& name);

  types::TypeTable& types_;
  std::vector<std::unique_ptr<Server>> servers_;
  std::unordered_map<std::string, Server*> by_name_;
  std::unordered_map<std::string, std::unique_ptr<ToolSet>> sets_;
  std::unordered_map<std::string, TypeId> merged_;
  std::unique_ptr<ToolSet> lenient_;
};

}  // namespace catalyst::check
