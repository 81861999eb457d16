#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace catalyst::server {

/// One way in which a tool's definition differs from the one that was approved.
struct DefinitionChange {
  enum class Kind : uint8_t {
    ToolAdded,
    ToolRemoved,
    Title,
    Description,
    ArgumentAdded,
    ArgumentRemoved,
    ArgumentRetyped,      // its schema, but for words
    ArgumentDescription,  // its words alone
    ArgumentRequired,     // now required, or no longer
    InputSchema,          // anything else of the input schema
    OutputSchema,
    Annotation,
  };
  Kind kind = Kind::Description;
  std::string subject;  // the argument or annotation; else ""
  std::string before;   // JSON or text, cut after 500 bytes; "" when there was none
  std::string after;

  /// "argument path retyped: {...} -> {...}".
  [[nodiscard]] std::string text() const;
};
std::string_view change_name(DefinitionChange::Kind kind);

/// What of a definition is pinned: name, title, description, schemas, annotations; not icons and _meta, which
/// say nothing to a model.
nlohmann::json pinned_part(const nlohmann::json& definition);

/// The changes between two pinned parts, most telling first.
std::vector<DefinitionChange> diff_definitions(const nlohmann::json& before, const nlohmann::json& after);

}  // namespace catalyst::server
