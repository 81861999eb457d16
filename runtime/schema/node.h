#pragma once

// Internal to runtime/schema: a schema as a graph of nodes.

#include <re2/re2.h>
#include <simdjson.h>

#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "runtime/schema/schema.h"

namespace catalyst::schema {

using Element = simdjson::dom::element;
using NodeId = uint32_t;
inline constexpr NodeId kNone = std::numeric_limits<NodeId>::max();
inline constexpr uint64_t kUnbounded = std::numeric_limits<uint64_t>::max();

// By value: what simdjson's results answer dies with them.
inline simdjson::dom::object as_object(Element element) { return element.get_object().value_unsafe(); }
inline simdjson::dom::array as_array(Element element) { return element.get_array().value_unsafe(); }
inline std::string_view as_string(Element element) { return element.get_string().value_unsafe(); }

/// Bits of `type`.
enum TypeBit : uint8_t {
  kNull = 1,
  kBoolean = 2,
  kObject = 4,
  kArray = 8,
  kNumber = 16,
  kString = 32,
  kInteger = 64,
};

/// A string that nodes look up without making one.
using Names = std::map<std::string, NodeId, std::less<>>;

struct PatternNode {
  const RE2* pattern = nullptr;  // nullptr: cannot be checked, matches everything
  NodeId node = kNone;
};

struct Dependency {
  std::string name;
  std::vector<std::string> required;
  NodeId node = kNone;
};

/// One subschema. What is absent costs a comparison with its default.
struct Node {
  std::string path;            // in the schema, for messages
  uint32_t resource = 0;       // the embedded document it belongs to ($id)
  std::optional<bool> always;  // schemas `true` and `false`
  bool plain = false;          // fits_plainly() knows all that it asks

  uint8_t types = 0;  // TypeBits; 0: any
  std::optional<Element> enumeration;
  std::optional<Element> constant;

  std::optional<long double> minimum, maximum, above, below, multiple_of;
  uint64_t length_min = 0, length_max = kUnbounded;
  bool has_pattern = false;
  const RE2* pattern = nullptr;
  std::string pattern_text;

  std::vector<NodeId> prefix;
  NodeId items = kNone;
  NodeId contains = kNone;
  uint64_t contains_min = 1, contains_max = kUnbounded;
  uint64_t items_min = 0, items_max = kUnbounded;
  bool unique = false;
  NodeId unevaluated_items = kNone;

  Names properties;
  std::vector<PatternNode> patterns;
  NodeId additional = kNone;
  NodeId property_names = kNone;
  NodeId unevaluated_properties = kNone;
  std::vector<std::string> required;
  std::vector<Dependency> dependencies;
  uint64_t properties_min = 0, properties_max = kUnbounded;

  NodeId ref = kNone;
  std::string dynamic_anchor;  // of a $dynamicRef that may lead elsewhere
  std::vector<NodeId> all, any, one;
  NodeId negated = kNone;
  NodeId condition = kNone, then = kNone, otherwise = kNone;
};

/// The whole, as compiled.
struct Graph {
  simdjson::dom::parser parser;  // owns what constants and enumerations point to
  std::vector<Node> nodes;
  std::vector<std::unique_ptr<RE2>> patterns;
  /// $dynamicAnchor by resource and name.
  std::vector<std::map<std::string, NodeId, std::less<>>> dynamic_anchors;
  std::vector<std::string> unchecked;
  bool tracks = false;  // some node asks what others have evaluated
  Limits limits;
};

/// Reads the schema into `graph`; an error as Schema::compile.
Result<void> build(std::string_view schema_json, Graph& graph);

/// Equality of JSON values: numbers by value, objects without order (JSON Schema core, section 4.2.2).
/// Charges `steps`; answers false once they are spent.
bool same_value(Element a, Element b, uint64_t& steps);
/// Equal values have equal hashes.
uint64_t hash_value(Element element);
/// The number of a number.
long double number_of(Element element);

}  // namespace catalyst::schema
