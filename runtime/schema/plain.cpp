#include "runtime/schema/plain.h"

#include <algorithm>

#include "runtime/schema/plain_text.h"

namespace catalyst::schema {
namespace {

constexpr uint32_t kDepthMax = 24;     // schemas inside each other
constexpr uint64_t kStepsMax = 4'000;  // of one instance: values read, names compared
constexpr uint64_t kStepsShare = 4;    // of Limits::steps: evaluate() would not need more than all
constexpr size_t kRequiredMax = 64;
constexpr size_t kDigitsMax = 15;

bool are_texts(const Element& list) {
  const simdjson::dom::array all = as_array(list);
  return std::all_of(all.begin(), all.end(), [](Element one) { return one.is_string(); });
}

bool is_plain(const Node& at) {
  const bool values = at.always.value_or(true) && (!at.enumeration || are_texts(*at.enumeration)) &&
                      (!at.constant || at.constant->is_string()) && !at.multiple_of && !at.has_pattern &&
                      at.pattern == nullptr;
  const bool items = at.prefix.empty() && at.contains == kNone && !at.unique && at.unevaluated_items == kNone;
  const bool members = at.patterns.empty() && at.property_names == kNone &&
                       at.unevaluated_properties == kNone && at.dependencies.empty() &&
                       at.required.size() <= kRequiredMax;
  const bool forms =
      at.dynamic_anchor.empty() && at.one.empty() && at.negated == kNone && at.condition == kNone;
  return values && items && members && forms;
}

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Reader {
 public:
  Reader(const Graph& graph, std::string_view text)
      : graph_(graph),
        p_(text.data()),
        end_(text.data() + text.size()),
        depth_left_(std::min(kDepthMax, graph.limits.depth / 2)),
        steps_left_(std::min(kStepsMax, graph.limits.steps / kStepsShare)) {}

  bool document() { return value(0) && peek() == '\0' && p_ == end_ && !skipped_; }

 private:
  /// The next byte that is not white space; 0 at the end.
  char peek() {
    while (p_ < end_ && is_space(*p_)) {
      ++p_;
    }
    return p_ < end_ ? *p_ : '\0';
  }

  bool take(char c) {
    if (peek() != c) {
      return false;
    }
    ++p_;
    return true;
  }

  bool spend(uint64_t steps) {
    const bool enough = steps <= steps_left_;
    steps_left_ -= enough ? steps : steps_left_;
    skipped_ = skipped_ || !enough;
    return enough;
  }

  /// Reads a value that fits a schema, or any when there is none.
  bool value(NodeId id) {
    static const Node kAny;
    const Node& at = id == kNone ? kAny : graph_.nodes[id];
    if ((id != kNone && !at.plain) || depth_left_ == 0 || !spend(1)) {
      skipped_ = true;
      return false;
    }
    --depth_left_;
    peek();
    const char* const begin = p_;
    const bool fits = own(at) && others(at, begin);
    ++depth_left_;
    return fits;
  }

  /// What other schemas ask of the value that was just read from `begin` on.
  bool others(const Node& at, const char* begin) {
    if (at.ref == kNone && at.all.empty() && at.any.empty()) [[likely]] {
      return true;
    }
    const char* const behind = p_;
    const auto holds = [&](NodeId id) {
      p_ = begin;
      return value(id);
    };
    const bool fits = (at.ref == kNone || holds(at.ref)) &&
                      std::all_of(at.all.begin(), at.all.end(), holds) &&
                      (at.any.empty() || std::any_of(at.any.begin(), at.any.end(), holds));
    p_ = behind;
    return fits;
  }

  bool own(const Node& at) {
    const char c = peek();
    if (c == '"') {
      return string(at);
    }
    if (at.constant || at.enumeration) {  // of texts
      return false;
    }
    switch (c) {
      case '{':
        return allows(at, kObject) && object(at);
      case '[':
        return allows(at, kArray) && array(at);
      case 't':
        return allows(at, kBoolean) && literal("true");
      case 'f':
        return allows(at, kBoolean) && literal("false");
      case 'n':
        return allows(at, kNull) && literal("null");
      default:
        return allows(at, kNumber | kInteger) && integer(at);
    }
  }

  static bool allows(const Node& at, uint8_t type) { return at.types == 0 || (at.types & type) != 0; }

  bool literal(std::string_view word) {
    if (!std::string_view(p_, static_cast<size_t>(end_ - p_)).starts_with(word)) {
      return false;
    }
    p_ += word.size();
    return true;
  }

  /// The inside of a string in which every byte is a character.
  bool text(std::string_view* out) {
    if (!take('"')) {
      return false;
    }
    const char* const quote = end_of_plain_text(p_, end_);
    if (quote == nullptr) {
      return false;
    }
    *out = {p_, static_cast<size_t>(quote - p_)};
    p_ = quote + 1;
    return true;
  }

  bool string(const Node& at) {
    std::string_view inside;
    if (!allows(at, kString) || !text(&inside) || inside.size() < at.length_min ||
        inside.size() > at.length_max || (at.constant && as_string(*at.constant) != inside)) {
      return false;
    }
    if (!at.enumeration) {
      return true;
    }
    const simdjson::dom::array all = as_array(*at.enumeration);
    return std::any_of(all.begin(), all.end(),
                       [&](Element one) { return spend(1) && as_string(one) == inside; });
  }

  bool integer(const Node& at) {
    const bool is_negative = p_ < end_ && *p_ == '-';
    const char* const digits = p_ + (is_negative ? 1 : 0);
    const char* p = digits;
    int64_t number = 0;
    for (; p < end_ && is_digit(*p) && p - digits <= static_cast<ptrdiff_t>(kDigitsMax); ++p) {
      number = number * 10 + (*p - '0');
    }
    const auto count = static_cast<size_t>(p - digits);
    const char next = p < end_ ? *p : '\0';
    if (count == 0 || count > kDigitsMax || (*digits == '0' && (count > 1 || is_negative)) || next == '.' ||
        next == 'e' || next == 'E') {
      return false;
    }
    p_ = p;
    const auto exact = static_cast<long double>(is_negative ? -number : number);
    return !(at.minimum && exact < *at.minimum) && !(at.maximum && exact > *at.maximum) &&
           !(at.above && exact <= *at.above) && !(at.below && exact >= *at.below);
  }

  bool array(const Node& at) {
    ++p_;
    uint64_t count = 0;
    if (peek() != ']') {
      do {
        if (!value(at.items)) {
          return false;
        }
        ++count;
      } while (take(','));
    }
    return take(']') && count >= at.items_min && count <= at.items_max;
  }

  bool object(const Node& at) {
    ++p_;
    uint64_t count = 0;
    uint64_t required = 0;  // bit i: at.required[i] is there
    if (peek() != '}') {
      do {
        std::string_view key;
        if (!text(&key) || !take(':') || !member(at, key)) {
          return false;
        }
        ++count;
        for (size_t i = 0; i < at.required.size(); ++i) {
          required |= uint64_t{at.required[i] == key} << i;
        }
      } while (take(','));
    }
    const uint64_t all = at.required.size() == 64 ? ~uint64_t{0} : (uint64_t{1} << at.required.size()) - 1;
    return take('}') && required == all && count >= at.properties_min && count <= at.properties_max &&
           spend(at.required.size());
  }

  /// A member that is not declared may differ from a declared one in its case alone: evaluate() looks.
  bool member(const Node& at, std::string_view key) {
    if (at.properties.empty()) {
      return value(at.additional);
    }
    const auto found = at.properties.find(key);
    return found != at.properties.end() && value(found->second);
  }

  const Graph& graph_;
  const char* p_;
  const char* end_;
  uint32_t depth_left_;
  uint64_t steps_left_;
  bool skipped_ = false;  // some schema, which may cost more than is allowed
};

}  // namespace

void mark_plain(Graph& graph) {
  for (Node& node : graph.nodes) {
    node.plain = !graph.tracks && is_plain(node);
  }
}

bool fits_plainly(const Graph& graph, std::string_view instance_json) {
  return Reader(graph, instance_json).document();
}

}  // namespace catalyst::schema
