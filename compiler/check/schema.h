#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "compiler/types/type.h"
#include "runtime/base/result.h"

namespace catalyst::check {

using types::TypeId;

/// What importing may cost. Schemas come from servers, which are not trusted. Beyond `depth` and `nodes` a
/// schema is read as json: nothing is refused, only less is known.
struct SchemaLimits {
  size_t bytes = 16u << 20;  // the largest public servers publish some hundred KiB
  size_t tools = 10'000;     // of one server
  int json_depth = 64;       // of the file
  int depth = 24;            // of types, `$ref`s followed
  size_t nodes = 20'000;     // schemas visited for one tool: bounds what `$ref`s can blow up to
  size_t fields = 1'000;     // of one object
  size_t enum_members = 1'000;
};

/// A tool as its server describes it.
struct Tool {
  std::string name;
  TypeId input;   // record, or json when the schema does not say
  TypeId output;  // of structuredContent; json when the schema does not say
  /// What the server says; a part of the file it was read from, which all tools of that file keep alive.
  std::shared_ptr<const nlohmann::json> source;

  /// The JSON text of `source`.
  [[nodiscard]] std::string definition() const;
};

/// Declared enums by their members: an enum of a schema with exactly the members of a declared one is that
/// one.
class EnumIndex {
 public:
  void add(std::vector<std::string> members, TypeId type);
  /// Invalid when no declared enum has these members.
  TypeId find(std::vector<std::string> members);
  /// True when find has answered `type`.
  [[nodiscard]] bool used(TypeId type) const { return used_.contains(type); }

 private:
  static std::string key(std::vector<std::string> members);
  std::unordered_map<std::string, TypeId> by_members_;
  std::unordered_set<TypeId> used_;
};

/// JSON documents by their text. Schemas stay the same from one reload to the next, and reading them takes as
/// long as checking hundreds of rules. One thread at a time.
class SchemaCache {
 public:
  /// nullptr when that text was not added.
  std::shared_ptr<const nlohmann::json> find(const std::string& text);
  void add(const std::string& text, std::shared_ptr<const nlohmann::json> document);
  /// Forgets what was neither found nor added since the last call.
  void forget_unread();

 private:
  using Documents = std::unordered_map<std::string, std::shared_ptr<const nlohmann::json>>;
  Documents read_;
  Documents old_;
};

/// Reads `{"tools":[...]}`, `{"result":{"tools":[...]}}`, or the bare list, and makes types of the tools'
/// schemas.
Result<std::vector<Tool>> import_tools(const std::string& text, std::string_view server,
                                       types::TypeTable& types, EnumIndex& enums,
                                       const SchemaLimits& limits = {}, SchemaCache* cache = nullptr);

}  // namespace catalyst::check
