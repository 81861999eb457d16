#include "runtime/schema/evaluate.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include "runtime/base/folded.h"
#include "runtime/schema/uri.h"
#include "runtime/schema/words.h"

namespace catalyst::schema {
namespace {

using Type = simdjson::dom::element_type;

/// Applications inside each other; a reference to itself would never end.
constexpr uint32_t kNestingMax = 400;

/// What has been looked at by schemas that hold, for unevaluatedItems and unevaluatedProperties.
struct Seen {
  std::set<std::string_view> properties;
  std::set<size_t> items;

  void add(const Seen& other) {
    properties.insert(other.properties.begin(), other.properties.end());
    items.insert(other.items.begin(), other.items.end());
  }
};

uint8_t type_of(Element element) {
  switch (element.type()) {
    case Type::ARRAY:
      return kArray;
    case Type::OBJECT:
      return kObject;
    case Type::STRING:
      return kString;
    case Type::BOOL:
      return kBoolean;
    case Type::NULL_VALUE:
      return kNull;
    case Type::INT64:
    case Type::UINT64:
      return kNumber | kInteger;
    case Type::DOUBLE: {
      const long double number = number_of(element);
      return std::floor(number) == number ? kNumber | kInteger : kNumber;
    }
  }
  return 0;
}

size_t code_points(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xC0) != 0x80; }));
}

bool is_multiple(long double number, long double of) {
  const long double quotient = number / of;
  if (!std::isfinite(quotient)) {
    return false;
  }
  // 0.0075 is 75 times 0.0001 for people, and not quite in binary.
  return std::abs(quotient - std::round(quotient)) <=
         1e-9L * std::max(1.0L, std::min(std::abs(quotient), 1e3L));
}

class Evaluation {
 public:
  explicit Evaluation(const Graph& graph) : graph_(graph), steps_(graph.limits.steps) {}

  Outcome run(Element instance) {
    Seen seen;
    const bool valid = apply(0, instance, &seen);
    if (steps_ == 0 || nesting_hit_) {
      return {false, {{"", "is too expensive to check"}}};
    }
    return {valid, std::move(issues_)};
  }

 private:
  const Node& node(NodeId id) const { return graph_.nodes[id]; }

  /// False, with the reason unless a caller only tries.
  bool fail(std::string message) {
    if (trying_ == 0 && issues_.size() < graph_.limits.issues) {
      issues_.push_back({path_, std::move(message)});
    }
    return false;
  }

  bool apply(NodeId id, Element instance, Seen* seen) {
    if (steps_ == 0 || nesting_ >= kNestingMax) {
      nesting_hit_ = nesting_hit_ || nesting_ >= kNestingMax;
      return false;
    }
    --steps_;
    const Node& at = node(id);
    if (at.always) {
      return *at.always || fail("is not allowed here");
    }
    ++nesting_;
    const bool scoped = scope_.empty() || scope_.back() != at.resource;
    if (scoped) {
      scope_.push_back(at.resource);
    }
    Seen mine;
    Seen* tracked = graph_.tracks ? &mine : nullptr;
    const bool valid = check(at, instance, tracked);
    if (valid && tracked != nullptr && seen != nullptr) {
      seen->add(mine);
    }
    if (scoped) {
      scope_.pop_back();
    }
    --nesting_;
    return valid;
  }

  /// Whether a schema holds, without reasons.
  bool holds(NodeId id, Element instance, Seen* seen) {
    ++trying_;
    const bool valid = apply(id, instance, seen);
    --trying_;
    return valid;
  }

  bool check(const Node& at, Element instance, Seen* seen) {
    const uint8_t type = type_of(instance);
    if (at.types != 0 && (at.types & type) == 0) {
      return fail("must be " + types_text(at.types));
    }
    bool valid = check_values(at, instance);
    if ((type & kNumber) != 0) {
      valid = check_number(at, instance) && valid;
    } else if (type == kString) {
      valid = check_string(at, as_string(instance)) && valid;
    }
    if (is_decided(valid)) {
      return false;
    }
    valid = check_combinations(at, instance, seen) && valid;
    if (is_decided(valid)) {
      return false;
    }
    if (type == kArray) {
      valid = check_array(at, as_array(instance), seen) && valid;
    } else if (type == kObject) {
      valid = check_object(at, instance, seen) && valid;
    }
    return valid;
  }

  /// Who only tries wants no further reasons.
  [[nodiscard]] bool is_decided(bool valid) const { return !valid && trying_ > 0; }

  bool check_values(const Node& at, Element instance) {
    if (at.constant && !same_value(instance, *at.constant, steps_)) {
      return fail("must be " + shown(*at.constant));
    }
    if (!at.enumeration) {
      return true;
    }
    std::string known;
    for (const Element one : as_array(*at.enumeration)) {
      if (same_value(instance, one, steps_)) {
        return true;
      }
      if (trying_ == 0 && known.size() < 4 * kShownBytes) {
        known += (known.empty() ? "" : ", ") + shown(one);
      }
    }
    return fail("must be one of " + known);
  }

  bool check_number(const Node& at, Element instance) {
    const long double number = number_of(instance);
    bool valid = true;
    if (at.minimum && number < *at.minimum) {
      valid = fail("must be at least " + shown(*at.minimum));
    }
    if (at.maximum && number > *at.maximum) {
      valid = fail("must be at most " + shown(*at.maximum));
    }
    if (at.above && number <= *at.above) {
      valid = fail("must be above " + shown(*at.above));
    }
    if (at.below && number >= *at.below) {
      valid = fail("must be below " + shown(*at.below));
    }
    if (at.multiple_of && !is_multiple(number, *at.multiple_of)) {
      valid = fail("must be a multiple of " + shown(*at.multiple_of));
    }
    return valid;
  }

  bool check_string(const Node& at, std::string_view text) {
    bool valid = true;
    if (at.length_min > 0 || at.length_max != kUnbounded) {
      const size_t length = code_points(text);
      if (length < at.length_min) {
        valid = fail("must have at least " + std::to_string(at.length_min) + " characters");
      }
      if (length > at.length_max) {
        valid = fail("must have at most " + std::to_string(at.length_max) + " characters");
      }
    }
    if (at.pattern != nullptr) {
      charge(text.size() / 64);
      if (!RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *at.pattern)) {
        valid = fail("must match the pattern " + at.pattern_text.substr(0, 200));
      }
    }
    return valid;
  }

  void charge(uint64_t steps) { steps_ -= std::min(steps_, steps); }

  NodeId target_of(const Node& at) const {
    if (!at.dynamic_anchor.empty()) {
      for (const uint32_t resource : scope_) {  // the outermost that knows it
        const auto& anchors = graph_.dynamic_anchors[resource];
        if (const auto found = anchors.find(at.dynamic_anchor); found != anchors.end()) {
          return found->second;
        }
      }
    }
    return at.ref;
  }

  bool check_combinations(const Node& at, Element instance, Seen* seen) {
    bool valid = at.ref == kNone || apply(target_of(at), instance, seen);
    for (const NodeId id : at.all) {
      valid = (is_decided(valid) || apply(id, instance, seen)) && valid;
    }
    if (is_decided(valid)) {
      return false;
    }
    if (!at.any.empty()) {
      valid = check_any(at, instance, seen) && valid;
    }
    if (!at.one.empty()) {
      valid = check_one(at, instance, seen) && valid;
    }
    if (at.negated != kNone && holds(at.negated, instance, nullptr)) {
      valid = fail("must not be of this form");
    }
    if (at.condition != kNone) {
      const NodeId next = holds(at.condition, instance, seen) ? at.then : at.otherwise;
      valid = (next == kNone || apply(next, instance, seen)) && valid;
    }
    return valid;
  }

  bool check_any(const Node& at, Element instance, Seen* seen) {
    bool any = false;
    for (const NodeId id : at.any) {
      any = holds(id, instance, seen) || any;
      if (any && seen == nullptr) {
        return true;
      }
    }
    if (any) {
      return true;
    }
    if (at.any.size() == 1) {
      return apply(at.any.front(), instance, seen);  // its own reasons say more
    }
    return fail("fits none of the " + std::to_string(at.any.size()) + " forms that are allowed");
  }

  bool check_one(const Node& at, Element instance, Seen* seen) {
    size_t fitting = 0;
    for (const NodeId id : at.one) {
      Seen tried;
      if (holds(id, instance, seen == nullptr ? nullptr : &tried)) {
        ++fitting;
        if (seen != nullptr) {
          seen->add(tried);
        }
      }
    }
    if (fitting == 1) {
      return true;
    }
    return fail(fitting == 0 ? "fits none of the " + std::to_string(at.one.size()) + " forms that are allowed"
                             : "fits " + std::to_string(fitting) + " forms of which only one is allowed");
  }

  /// Applies a schema to a part of the instance.
  bool apply_at(NodeId id, std::string_view token, Element part) {
    const size_t size = path_.size();
    if (trying_ == 0) {
      path_ += '/';
      path_ += escape_pointer(token);
    }
    const bool valid = apply(id, part, nullptr);
    path_.resize(size);
    return valid;
  }

  bool check_array(const Node& at, simdjson::dom::array array, Seen* seen) {
    bool valid = true;
    size_t index = 0;
    uint64_t containing = 0;
    for (const Element item : array) {
      const NodeId id = index < at.prefix.size() ? at.prefix[index] : at.items;
      if (id != kNone) {
        valid = apply_at(id, std::to_string(index), item) && valid;
        if (seen != nullptr) {
          seen->items.insert(index);
        }
      }
      if (at.contains != kNone && holds(at.contains, item, nullptr)) {
        ++containing;
        if (seen != nullptr) {
          seen->items.insert(index);
        }
      }
      ++index;
    }
    if (index < at.items_min) {
      valid = fail("must have at least " + std::to_string(at.items_min) + " elements");
    }
    if (index > at.items_max) {
      valid = fail("must have at most " + std::to_string(at.items_max) + " elements");
    }
    if (at.contains != kNone && (containing < at.contains_min || containing > at.contains_max)) {
      valid = fail("has " + std::to_string(containing) + " elements of the form that is asked for");
    }
    if (at.unique && !is_unique(array)) {
      valid = fail("must not hold an element twice");
    }
    if (at.unevaluated_items != kNone && seen != nullptr) {
      size_t i = 0;
      for (const Element item : array) {
        if (seen->items.insert(i).second) {
          valid = apply_at(at.unevaluated_items, std::to_string(i), item) && valid;
        }
        ++i;
      }
    }
    return valid;
  }

  bool is_unique(simdjson::dom::array array) {
    std::unordered_multimap<uint64_t, Element> known;
    for (const Element item : array) {
      charge(1);
      const uint64_t hash = hash_value(item);
      const auto [first, last] = known.equal_range(hash);
      for (auto it = first; it != last; ++it) {
        if (same_value(item, it->second, steps_)) {
          return false;
        }
      }
      known.emplace(hash, item);
    }
    return true;
  }

  bool check_object(const Node& at, Element instance, Seen* seen) {
    const simdjson::dom::object object = as_object(instance);
    bool valid = true;
    uint64_t size = 0;
    for (const auto& member : object) {
      ++size;
      valid = check_member(at, member.key, member.value, seen) && valid;
    }
    if (size < at.properties_min) {
      valid = fail("must have at least " + std::to_string(at.properties_min) + " members");
    }
    if (size > at.properties_max) {
      valid = fail("must have at most " + std::to_string(at.properties_max) + " members");
    }
    const auto has = [&](const std::string& name) { return object[name].error() == simdjson::SUCCESS; };
    for (const std::string& name : at.required) {
      if (!has(name)) {
        valid = fail("lacks " + name);
      }
    }
    for (const Dependency& dependency : at.dependencies) {
      if (!has(dependency.name)) {
        continue;
      }
      for (const std::string& name : dependency.required) {
        if (!has(name)) {
          valid = fail("lacks " + name + ", which " + dependency.name + " needs");
        }
      }
      if (dependency.node != kNone) {
        valid = apply(dependency.node, instance, seen) && valid;
      }
    }
    if (at.unevaluated_properties != kNone && seen != nullptr) {
      for (const auto& member : object) {
        if (seen->properties.insert(member.key).second) {
          valid = apply_at(at.unevaluated_properties, member.key, member.value) && valid;
        }
      }
    }
    return valid;
  }

  bool check_member(const Node& at, std::string_view key, Element value, Seen* seen) {
    bool valid = true;
    bool known = false;
    if (const auto found = at.properties.find(key); found != at.properties.end()) {
      known = true;
      valid = apply_at(found->second, key, value);
    }
    if (const std::string* declared = known ? nullptr : alike(at, key)) {
      return fail_at(key, "differs from " + *declared + " in its case alone");
    }
    for (const PatternNode& pattern : at.patterns) {
      charge(key.size() / 64);
      if (pattern.pattern == nullptr) {
        known = true;  // whether it matches is not known: neither the one nor the other schema can be held
                       // against it
      } else if (RE2::PartialMatch(re2::StringPiece(key.data(), key.size()), *pattern.pattern)) {
        known = true;
        valid = apply_at(pattern.node, key, value) && valid;
      }
    }
    if (!known && at.additional != kNone) {
      known = true;
      const std::optional<bool>& always = node(at.additional).always;
      valid =
          (always && !*always ? fail_at(key, "is not known here") : apply_at(at.additional, key, value)) &&
          valid;
    }
    if (at.property_names != kNone && !name_holds(at.property_names, key)) {
      valid = fail("has a member whose name is not allowed: " + std::string(key.substr(0, kShownBytes)));
    }
    if (known && seen != nullptr) {
      seen->properties.insert(key);
    }
    return valid;
  }

  /// A declared member that servers would take this one for if they do not tell upper from lower case, as
  /// those in Go do not, while whoever decided on the instance did.
  const std::string* alike(const Node& at, std::string_view key) {
    if (at.properties.empty()) {
      return nullptr;
    }
    charge(at.properties.size() / 16);
    const std::string wanted = folded(key);
    for (const auto& [name, schema] : at.properties) {
      if (name.size() <= key.size() && folded(name) == wanted) {
        return &name;
      }
    }
    return nullptr;
  }

  bool fail_at(std::string_view token, std::string message) {
    const size_t size = path_.size();
    path_ += '/';
    path_ += escape_pointer(token);
    fail(std::move(message));
    path_.resize(size);
    return false;
  }

  /// Names are no elements of the instance: as documents of their own.
  bool name_holds(NodeId id, std::string_view name) {
    std::string text = "\"";
    for (const char c : name) {
      static constexpr char kDigits[] = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20 || c == '"' || c == '\\') {
        text += std::string("\\u00") + kDigits[byte >> 4] + kDigits[byte & 15];
      } else {
        text += c;
      }
    }
    text += '"';
    simdjson::dom::parser parser;
    Element element;
    return parser.parse(text.data(), text.size()).get(element) == simdjson::SUCCESS &&
           holds(id, element, nullptr);
  }

  const Graph& graph_;
  uint64_t steps_;
  uint32_t nesting_ = 0;
  bool nesting_hit_ = false;
  int trying_ = 0;
  std::string path_;
  std::vector<uint32_t> scope_;
  std::vector<Issue> issues_;
};

}  // namespace

Outcome evaluate(const Graph& graph, Element instance) { return Evaluation(graph).run(instance); }

}  // namespace catalyst::schema
