// From the text of a schema to its graph.

#include <algorithm>
#include <cmath>

#include "runtime/schema/node.h"
#include "runtime/schema/uri.h"

namespace catalyst::schema {
namespace {

using Type = simdjson::dom::element_type;

constexpr int64_t kPatternMemory = 256 * 1024;
constexpr size_t kPatternBytes = 2'048;

struct Failure {
  std::string text;
};

class Builder {
 public:
  explicit Builder(Graph& graph) : graph_(graph) {}

  void root(Element element) {
    old_ = is_old(element);
    graph_.dynamic_anchors.emplace_back();
    schema(element, "", "", 0);
    for (size_t i = 0; i < pending_.size(); ++i) {  // resolving may add to them
      resolve(Pending(pending_[i]));
    }
  }

 private:
  struct Pending {
    NodeId node;
    std::string target;
    bool dynamic;
  };

  [[noreturn]] static void fail(const std::string& path, const std::string& what) {
    throw Failure{(path.empty() ? "the schema" : path) + ": " + what};
  }

  static bool is_old(Element element) {
    std::string_view dialect;
    if (!element.is_object() || element["$schema"].get_string().get(dialect) != simdjson::SUCCESS) {
      return false;
    }
    return dialect.find("draft-0") != std::string_view::npos;
  }

  /// The node of the schema that stands at `path`; a place is read once.
  NodeId schema(Element element, const std::string& path, std::string base, uint32_t resource) {
    if (const auto known = by_path_.find(path); known != by_path_.end()) {
      return known->second;
    }
    if (graph_.nodes.size() >= graph_.limits.nodes) {
      fail(path, "more than " + std::to_string(graph_.limits.nodes) + " subschemas");
    }
    const auto id = static_cast<NodeId>(graph_.nodes.size());
    graph_.nodes.emplace_back();
    by_path_.emplace(path, id);
    Node node;
    node.path = path;
    if (element.is_bool()) {
      node.always = element.get_bool().value_unsafe();
      node.resource = resource;
      graph_.nodes[id] = std::move(node);
      return id;
    }
    if (!element.is_object()) {
      fail(path, "a schema must be an object, true or false");
    }
    const simdjson::dom::object object = as_object(element);
    identify(object, path, id, base, resource);
    node.resource = resource;
    bases_[path] = {base, resource};
    const bool only_ref = old_ && has(object, "$ref");  // draft-07: what stands beside $ref is ignored
    read_references(object, path, base, id);
    // Definitions first: they may be referred to whatever else applies.
    definitions(object, path, base, resource);
    if (!only_ref) {
      numbers(object, path, node);
      strings(object, path, node);
      values(object, path, node);
      arrays(object, path, base, resource, node);
      objects(object, path, base, resource, node);
      combinations(object, path, base, resource, node);
    }
    graph_.nodes[id] = std::move(node);
    return id;
  }

  static bool has(simdjson::dom::object object, std::string_view key) {
    return object[key].error() == simdjson::SUCCESS;
  }
  static std::optional<Element> get(simdjson::dom::object object, std::string_view key) {
    Element out;
    return object[key].get(out) == simdjson::SUCCESS ? std::optional(out) : std::nullopt;
  }
  static std::optional<std::string> text(simdjson::dom::object object, std::string_view key,
                                         const std::string& path) {
    const std::optional<Element> found = get(object, key);
    if (!found) {
      return std::nullopt;
    }
    if (!found->is_string()) {
      fail(path, std::string(key) + " must be text");
    }
    return std::string(as_string(*found));
  }

  void identify(simdjson::dom::object object, const std::string& path, NodeId id, std::string& base,
                uint32_t& resource) {
    std::optional<std::string> own = text(object, "$id", path);
    if (!own) {
      const std::optional<Element> draft4 = get(object, "id");
      if (old_ && draft4 && draft4->is_string()) {
        own = std::string(as_string(*draft4));
      }
    }
    const bool ignored = old_ && has(object, "$ref");
    if (own && !own->empty() && !ignored) {
      if (own->front() == '#') {
        anchors_.emplace(base + *own, id);
      } else {
        base = without_fragment(resolve_uri(base, *own));
        resource = static_cast<uint32_t>(graph_.dynamic_anchors.size());
        graph_.dynamic_anchors.emplace_back();
        roots_.emplace(base, path);
      }
    }
    if (path.empty()) {
      roots_.emplace(base, path);
      roots_.emplace("", path);
    }
    if (const auto anchor = text(object, "$anchor", path)) {
      anchors_.emplace(base + "#" + *anchor, id);
    }
    if (const auto anchor = text(object, "$dynamicAnchor", path)) {
      anchors_.emplace(base + "#" + *anchor, id);
      graph_.dynamic_anchors[resource].emplace(*anchor, id);
    }
  }

  void read_references(simdjson::dom::object object, const std::string& path, const std::string& base,
                       NodeId id) {
    if (const auto ref = text(object, "$ref", path)) {
      pending_.push_back({id, resolve_uri(base, *ref), false});
    } else if (const auto dynamic = text(object, "$dynamicRef", path)) {
      pending_.push_back({id, resolve_uri(base, *dynamic), true});
    }
  }

  void resolve(const Pending& pending) {
    const NodeId target = find(pending.target, graph_.nodes[pending.node].path);
    Node& node = graph_.nodes[pending.node];
    node.ref = target;
    if (pending.dynamic) {
      const std::string name =
          pending.target.substr(std::min(pending.target.find('#') + 1, pending.target.size()));
      const auto& anchors = graph_.dynamic_anchors[graph_.nodes[target].resource];
      const auto found = anchors.find(name);
      if (found != anchors.end() && found->second == target) {
        node.dynamic_anchor = name;
      }
    }
  }

  NodeId find(const std::string& target, const std::string& from) {
    if (const auto anchor = anchors_.find(target); anchor != anchors_.end()) {
      return anchor->second;
    }
    const size_t hash = std::min(target.find('#'), target.size());
    const auto root = roots_.find(target.substr(0, hash));
    if (root == roots_.end()) {
      fail(from, "$ref leads outside of the document, to " + target + "; nothing is fetched");
    }
    const std::optional<std::string> pointer =
        hash == target.size() ? "" : percent_decode(target.substr(hash + 1));
    if (!pointer || (!pointer->empty() && pointer->front() != '/')) {
      fail(from, "$ref leads nowhere: " + target);
    }
    return at_pointer(root->second + *pointer, from, target);
  }

  /// Walks from the root of the document, because what lies on the way decides about base and resource.
  NodeId at_pointer(const std::string& path, const std::string& from, const std::string& target) {
    if (const auto known = by_path_.find(path); known != by_path_.end()) {
      return known->second;
    }
    Element at = graph_.parser.doc.root();
    std::string walked;
    std::pair<std::string, uint32_t> place = bases_[""];
    std::string_view rest = path;
    while (!rest.empty()) {
      rest.remove_prefix(1);
      const std::string_view raw = rest.substr(0, rest.find('/'));
      rest.remove_prefix(raw.size());
      const std::string token = unescape_pointer(raw);
      if (at.is_object()) {
        if (as_object(at)[token].get(at) != simdjson::SUCCESS) {
          fail(from, "$ref leads nowhere: " + target);
        }
      } else if (!at.is_array() || token.empty() || token.size() > 9 ||
                 token.find_first_not_of("0123456789") != std::string::npos ||
                 as_array(at).at(std::stoul(token)).get(at) != simdjson::SUCCESS) {
        fail(from, "$ref leads nowhere: " + target);
      }
      walked += "/" + std::string(raw);
      if (const auto known = bases_.find(walked); known != bases_.end()) {
        place = known->second;
      }
    }
    return schema(at, path, place.first, place.second);
  }

  void definitions(simdjson::dom::object object, const std::string& path, const std::string& base,
                   uint32_t resource) {
    for (const char* key : {"$defs", "definitions"}) {
      const std::optional<Element> found = get(object, key);
      if (found && found->is_object()) {
        for (const auto& member : as_object(*found)) {
          schema(member.value, path + "/" + key + "/" + escape_pointer(member.key), base, resource);
        }
      }
    }
  }

  static void numbers(simdjson::dom::object object, const std::string& path, Node& node) {
    const auto number = [&](const char* key, std::optional<long double>& out) {
      const std::optional<Element> found = get(object, key);
      if (found && !found->is_number()) {
        fail(path, std::string(key) + " must be a number");
      }
      if (found) {
        out = number_of(*found);
      }
    };
    number("minimum", node.minimum);
    number("maximum", node.maximum);
    // draft-04: flags that sharpen minimum and maximum.
    const auto bound = [&](const char* key, std::optional<long double>& sharp,
                           std::optional<long double>& plain) {
      const std::optional<Element> found = get(object, key);
      if (found && found->is_bool()) {
        if (found->get_bool().value_unsafe()) {
          sharp = plain;
          plain.reset();
        }
        return;
      }
      number(key, sharp);
    };
    bound("exclusiveMinimum", node.above, node.minimum);
    bound("exclusiveMaximum", node.below, node.maximum);
    number("multipleOf", node.multiple_of);
    if (node.multiple_of && *node.multiple_of <= 0) {
      fail(path, "multipleOf must be above 0");
    }
  }

  /// A count: an integer, or a number without a fraction.
  static void count(simdjson::dom::object object, const std::string& path, const char* key, uint64_t& out) {
    const std::optional<Element> found = get(object, key);
    if (!found) {
      return;
    }
    const long double number = found->is_number() ? number_of(*found) : -1;
    if (number < 0 || number > 1e18L || std::floor(number) != number) {
      fail(path, std::string(key) + " must be a whole number");
    }
    out = static_cast<uint64_t>(number);
  }

  void strings(simdjson::dom::object object, const std::string& path, Node& node) {
    count(object, path, "minLength", node.length_min);
    count(object, path, "maxLength", node.length_max);
    if (const auto pattern = text(object, "pattern", path)) {
      node.has_pattern = true;
      node.pattern_text = *pattern;
      node.pattern = compile(*pattern, path);
    }
  }

  const RE2* compile(const std::string& pattern, const std::string& path) {
    if (graph_.patterns.size() >= graph_.limits.patterns) {
      fail(path, "more than " + std::to_string(graph_.limits.patterns) + " regular expressions");
    }
    RE2::Options options;
    options.set_max_mem(kPatternMemory);
    options.set_log_errors(false);
    auto compiled = std::make_unique<RE2>(pattern.size() <= kPatternBytes ? to_re2(pattern) : "(", options);
    if (!compiled->ok()) {
      graph_.unchecked.push_back(path + ": pattern " + pattern.substr(0, 200));
      return nullptr;
    }
    graph_.patterns.push_back(std::move(compiled));
    return graph_.patterns.back().get();
  }

  static void values(simdjson::dom::object object, const std::string& path, Node& node) {
    if (const std::optional<Element> found = get(object, "type")) {
      if (found->is_array()) {
        for (const Element one : as_array(*found)) {
          node.types |= type_bit(one, path);
        }
      } else {
        node.types = type_bit(*found, path);
      }
    }
    node.constant = get(object, "const");
    node.enumeration = get(object, "enum");
    if (node.enumeration && !node.enumeration->is_array()) {
      fail(path, "enum must be a list");
    }
  }

  static uint8_t type_bit(Element element, const std::string& path) {
    static constexpr std::pair<std::string_view, TypeBit> kTypes[] = {
        {"null", kNull},     {"boolean", kBoolean}, {"object", kObject},   {"array", kArray},
        {"number", kNumber}, {"string", kString},   {"integer", kInteger},
    };
    for (const auto& [name, bit] : kTypes) {
      if (element.is_string() && as_string(element) == name) {
        return bit;
      }
    }
    fail(path, "type must be null, boolean, object, array, number, integer or string");
  }

  NodeId child(simdjson::dom::object object, const char* key, const std::string& path,
               const std::string& base, uint32_t resource) {
    const std::optional<Element> found = get(object, key);
    return found ? schema(*found, path + "/" + key, base, resource) : kNone;
  }
  void children(simdjson::dom::object object, const char* key, const std::string& path,
                const std::string& base, uint32_t resource, std::vector<NodeId>& out) {
    const std::optional<Element> found = get(object, key);
    if (!found) {
      return;
    }
    if (!found->is_array()) {
      fail(path, std::string(key) + " must be a list of schemas");
    }
    size_t index = 0;
    for (const Element element : as_array(*found)) {
      out.push_back(schema(element, path + "/" + key + "/" + std::to_string(index++), base, resource));
    }
  }

  void arrays(simdjson::dom::object object, const std::string& path, const std::string& base,
              uint32_t resource, Node& node) {
    children(object, "prefixItems", path, base, resource, node.prefix);
    const std::optional<Element> items = get(object, "items");
    if (items && items->is_array()) {  // draft-07
      children(object, "items", path, base, resource, node.prefix);
      node.items = child(object, "additionalItems", path, base, resource);
    } else {
      node.items = child(object, "items", path, base, resource);
    }
    node.contains = child(object, "contains", path, base, resource);
    count(object, path, "minContains", node.contains_min);
    count(object, path, "maxContains", node.contains_max);
    count(object, path, "minItems", node.items_min);
    count(object, path, "maxItems", node.items_max);
    if (const std::optional<Element> unique = get(object, "uniqueItems")) {
      node.unique = unique->is_bool() && unique->get_bool().value_unsafe();
    }
    node.unevaluated_items = child(object, "unevaluatedItems", path, base, resource);
    graph_.tracks = graph_.tracks || node.unevaluated_items != kNone;
  }

  std::optional<simdjson::dom::object> map(simdjson::dom::object object, const char* key,
                                           const std::string& path) {
    const std::optional<Element> found = get(object, key);
    if (found && !found->is_object()) {
      fail(path, std::string(key) + " must be an object");
    }
    return found ? std::optional(as_object(*found)) : std::nullopt;
  }

  void objects(simdjson::dom::object object, const std::string& path, const std::string& base,
               uint32_t resource, Node& node) {
    if (const auto properties = map(object, "properties", path)) {
      for (const auto& member : *properties) {
        node.properties.emplace(
            std::string(member.key),
            schema(member.value, path + "/properties/" + escape_pointer(member.key), base, resource));
      }
    }
    if (const auto patterns = map(object, "patternProperties", path)) {
      for (const auto& member : *patterns) {
        node.patterns.push_back(
            {compile(std::string(member.key), path),
             schema(member.value, path + "/patternProperties/" + escape_pointer(member.key), base,
                    resource)});
      }
    }
    node.additional = child(object, "additionalProperties", path, base, resource);
    node.property_names = child(object, "propertyNames", path, base, resource);
    node.unevaluated_properties = child(object, "unevaluatedProperties", path, base, resource);
    graph_.tracks = graph_.tracks || node.unevaluated_properties != kNone;
    names(get(object, "required"), path, "required", node.required);
    for (const char* key : {"dependentRequired", "dependentSchemas", "dependencies"}) {
      dependencies(object, key, path, base, resource, node);
    }
    count(object, path, "minProperties", node.properties_min);
    count(object, path, "maxProperties", node.properties_max);
  }

  static void names(std::optional<Element> list, const std::string& path, const char* key,
                    std::vector<std::string>& out) {
    if (!list || list->is_bool()) {  // a flag in draft-03
      return;
    }
    if (!list->is_array()) {
      fail(path, std::string(key) + " must be a list of names");
    }
    for (const Element name : as_array(*list)) {
      if (!name.is_string()) {
        fail(path, std::string(key) + " must be a list of names");
      }
      out.emplace_back(as_string(name));
    }
  }

  void dependencies(simdjson::dom::object object, const char* key, const std::string& path,
                    const std::string& base, uint32_t resource, Node& node) {
    if (const auto found = map(object, key, path)) {
      for (const auto& member : *found) {
        Dependency dependency;
        dependency.name = std::string(member.key);
        if (member.value.is_array()) {
          names(member.value, path, key, dependency.required);
        } else {
          dependency.node =
              schema(member.value, path + "/" + key + "/" + escape_pointer(member.key), base, resource);
        }
        node.dependencies.push_back(std::move(dependency));
      }
    }
  }

  void combinations(simdjson::dom::object object, const std::string& path, const std::string& base,
                    uint32_t resource, Node& node) {
    children(object, "allOf", path, base, resource, node.all);
    children(object, "anyOf", path, base, resource, node.any);
    children(object, "oneOf", path, base, resource, node.one);
    node.negated = child(object, "not", path, base, resource);
    node.condition = child(object, "if", path, base, resource);
    node.then = child(object, "then", path, base, resource);
    node.otherwise = child(object, "else", path, base, resource);
  }

  Graph& graph_;
  bool old_ = false;  // draft-07 or older
  std::map<std::string, NodeId> by_path_;
  std::map<std::string, std::pair<std::string, uint32_t>> bases_;
  std::map<std::string, std::string> roots_;  // base to the path of its document
  std::map<std::string, NodeId> anchors_;     // whole address
  std::vector<Pending> pending_;
};

}  // namespace

Result<void> build(std::string_view schema_json, Graph& graph) {
  if (schema_json.size() > graph.limits.schema_bytes) {
    return error("the schema is larger than " + std::to_string(graph.limits.schema_bytes) + " bytes");
  }
  if (graph.parser.allocate(std::max<size_t>(schema_json.size(), 1), graph.limits.depth) !=
      simdjson::SUCCESS) {
    return error("out of memory");
  }
  Element root;
  if (const auto failure = graph.parser.parse(schema_json.data(), schema_json.size()).get(root)) {
    return error(std::string("the schema is not JSON that can be read: ") + simdjson::error_message(failure));
  }
  try {
    Builder(graph).root(root);
  } catch (const Failure& failure) {
    return error(failure.text);
  }
  return {};
}

}  // namespace catalyst::schema
