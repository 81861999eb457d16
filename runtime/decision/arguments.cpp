#include "runtime/decision/arguments.h"

#include <algorithm>
#include <set>

#include "runtime/decision/convert.h"
#include "runtime/decision/scan.h"
#include "runtime/value/json_text.h"

namespace catalyst::decision {
namespace {

using abi::Shape;
using value::Kind;
using value::Value;

constexpr size_t kMaxProblems = 20;

/// "an integer of 64 bits", for messages.
std::string described(const Shape& shape) {
  switch (shape.kind) {
    case Shape::Kind::Bool:
      return "true or false";
    case Shape::Kind::Int:
      return "an integer of 64 bits";
    case Shape::Kind::Decimal:
      return "a number of at most 28 digits behind the point";
    case Shape::Kind::Float:
      return "a number";
    case Shape::Kind::String:
      return "a string";
    case Shape::Kind::Bytes:
      return "a string";
    case Shape::Kind::Time:
      return "a time such as \"2026-01-31T12:00:00Z\"";
    case Shape::Kind::Duration:
      return "a duration such as \"30s\"";
    case Shape::Kind::Ip:
      return "an IP address";
    case Shape::Kind::Json:
      return "JSON";
    case Shape::Kind::Enum: {
      std::string out;
      for (size_t i = 0; i < shape.members.size() && i < 8; ++i) {
        out += (i == 0 ? "one of \"" : ", \"") + shape.members[i] + "\"";
      }
      return shape.members.size() > 8 ? out + ", ..." : out;
    }
    case Shape::Kind::Record:
      return "an object";
    case Shape::Kind::List:
    case Shape::Kind::Set:
      return "a list";
    case Shape::Kind::Map:
      return "an object";
  }
  return {};
}

std::string pointer_part(std::string_view name) {
  std::string out = "/";
  for (const char c : name) {
    out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  }
  return out;
}

std::string shortened(std::string_view text) {
  constexpr size_t kShown = 40;
  return text.size() <= kShown ? std::string(text) : std::string(text.substr(0, kShown)) + "...";
}

/// A member that an object may or must have.
struct Wanted {
  std::string_view name;
  uint32_t shape;
  bool optional;
};

std::string_view taken(JsonScanner& in, const char* begin) {
  return {begin, static_cast<size_t>(in.position() - begin)};
}

/// Calls `visit` with the name and the text of each member of an object. False when the text is no JSON.
template <class Visit>
bool members(JsonScanner& in, Visit visit) {
  if (!in.enter()) {
    return false;
  }
  bool more = in.peek() != '}';
  while (more) {
    JsonScanner::Text name;
    if (in.peek() != '"' || !in.string(&name) || !in.take(':')) {
      return false;
    }
    in.peek();
    const char* begin = in.position();
    if (!in.skip()) {
      return false;
    }
    std::string decoded(name.raw);
    if (name.escaped) {
      decoded.resize(unescape(name.raw, decoded.data()));
    }
    visit(std::string_view(decoded), taken(in, begin));
    more = in.peek() != '}';
    if (more && (!in.take(',') || in.peek() != '"')) {
      return false;
    }
  }
  in.leave();
  return in.at_end();
}

/// The same for the elements of a list; `visit` answers false to stop.
template <class Visit>
void items(JsonScanner& in, Visit visit) {
  if (!in.enter()) {
    return;
  }
  while (in.peek() != ']') {
    const char* begin = in.position();
    if (!in.skip()) {
      return;
    }
    if (!visit(taken(in, begin))) {
      return;
    }
    if (in.peek() != ']' && !in.take(',')) {
      return;
    }
  }
}

class Reader {
 public:
  Reader(const abi::Unit& unit, uint32_t depth, Arena& arena, std::vector<ArgumentProblem>& problems)
      : unit_(unit), depth_(depth), arena_(arena), problems_(problems) {}

  /// Walks an object; `take` gets the text of each wanted member, by its index.
  template <class Take>
  void object(std::string_view text, const std::string& pointer, const std::vector<Wanted>& wanted,
              Take take) {
    JsonScanner in(text, depth_);
    if (in.peek() != '{') {
      say(pointer, "expected an object, found " + shortened(text));
      return;
    }
    std::vector<bool> seen(wanted.size());
    const bool read = members(in, [&](std::string_view name, std::string_view member) {
      const auto known =
          std::find_if(wanted.begin(), wanted.end(), [&](const Wanted& w) { return w.name == name; });
      const std::string at = pointer + pointer_part(name);
      if (known == wanted.end()) {
        say(at, "there is no `" + shortened(name) + "` here" + names(wanted));
        return;
      }
      const auto index = static_cast<size_t>(known - wanted.begin());
      if (seen[index]) {
        say(at, "stands here twice");
      } else if (!(known->optional && member == "null")) {
        take(index, member, at);
      }
      seen[index] = true;
    });
    if (!read) {
      say(pointer, "is not valid JSON, or nested more than " + std::to_string(depth_) + " levels deep");
      return;
    }
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (!seen[i] && !wanted[i].optional) {
        say(pointer + pointer_part(wanted[i].name),
            "is missing: expected " + described(unit_.shapes[wanted[i].shape]));
      }
    }
  }

  /// Reports where a value does not fit its shape.
  void check(std::string_view text, uint32_t shape_index, const std::string& pointer, uint32_t depth) {
    const Shape& shape = unit_.shapes[shape_index];
    JsonScanner in(text, depth_);
    const char first = in.peek();
    if (depth >= depth_) {
      return say(pointer, "is nested more than " + std::to_string(depth_) + " levels deep");
    }
    if (shape.kind == Shape::Kind::Record && first == '{') {
      std::vector<Wanted> wanted;
      for (const Shape::Field& field : shape.fields) {
        wanted.push_back({field.name, field.shape, field.optional});
      }
      object(text, pointer, wanted, [&](size_t index, std::string_view member, const std::string& at) {
        check(member, wanted[index].shape, at, depth + 1);
      });
    } else if (shape.kind == Shape::Kind::Map && first == '{') {
      members(in, [&](std::string_view name, std::string_view member) {
        check(member, shape.element, pointer + pointer_part(name), depth + 1);
      });
    } else if ((shape.kind == Shape::Kind::List || shape.kind == Shape::Kind::Set) && first == '[') {
      size_t index = 0;
      items(in, [&](std::string_view item) {
        check(item, shape.element, pointer + "/" + std::to_string(index++), depth + 1);
        return true;
      });
    } else if (const Value v = convert(text, shape_index); v.kind == Kind::Invalid || v.is_absent()) {
      say(pointer, "expected " + described(shape) + ", found " + shortened(text));
    }
  }

  Value convert(std::string_view text, uint32_t shape) {
    JsonScanner in(text, depth_);
    Converter converter(unit_.shapes, arena_, stack_, entries_);
    const Value out = converter.convert(in, shape);
    return in.failed() ? Value::invalid() : out;
  }

  void say(const std::string& pointer, std::string detail) {
    if (problems_.size() < kMaxProblems) {
      problems_.push_back({pointer, std::move(detail)});
    }
  }

 private:
  static std::string names(const std::vector<Wanted>& wanted) {
    std::string out;
    for (size_t i = 0; i < wanted.size() && i < 8; ++i) {
      out += (i == 0 ? ": there are `" : "`, `") + std::string(wanted[i].name);
    }
    return out.empty() ? out : out + (wanted.size() > 8 ? "`, ..." : "`");
  }

  const abi::Unit& unit_;
  uint32_t depth_;
  Arena& arena_;
  std::vector<ArgumentProblem>& problems_;
  std::vector<Value> stack_;
  std::vector<value::Entry> entries_;
};

// ---- schemas ----

std::string schema_of(const abi::Unit& unit, uint32_t shape_index);

std::string object_schema(const abi::Unit& unit, const std::vector<Wanted>& wanted) {
  std::string properties;
  std::string required;
  for (const Wanted& member : wanted) {
    properties += (properties.empty() ? "" : ",") + value::json_string(member.name) + ":" +
                  schema_of(unit, member.shape);
    if (!member.optional) {
      required += (required.empty() ? "" : ",") + value::json_string(member.name);
    }
  }
  return "{\"type\":\"object\",\"properties\":{" + properties + "},\"required\":[" + required +
         "],\"additionalProperties\":false}";
}

/// Types are finite trees, so this ends.
std::string schema_of(const abi::Unit& unit, uint32_t shape_index) {
  const Shape& shape = unit.shapes[shape_index];
  switch (shape.kind) {
    case Shape::Kind::Bool:
      return R"({"type":"boolean"})";
    case Shape::Kind::Int:
      return R"({"type":"integer","minimum":-9223372036854775808,"maximum":9223372036854775807})";
    case Shape::Kind::Decimal:
    case Shape::Kind::Float:
      return R"({"type":"number"})";
    case Shape::Kind::String:
    case Shape::Kind::Bytes:
      return R"({"type":"string"})";
    case Shape::Kind::Time:
      return R"({"type":"string","format":"date-time"})";
    case Shape::Kind::Duration:
      return R"x({"type":"string","pattern":"^[0-9]+(\\.[0-9]+)?(us|ms|s|m|h|d|w)"})x";
    case Shape::Kind::Ip:
      return R"({"type":"string","anyOf":[{"format":"ipv4"},{"format":"ipv6"}]})";
    case Shape::Kind::Json:
      return "{}";
    case Shape::Kind::Enum: {
      std::string members;
      for (const std::string& member : shape.members) {
        members += (members.empty() ? "" : ",") + value::json_string(member);
      }
      return "{\"enum\":[" + members + "]}";
    }
    case Shape::Kind::Record: {
      std::vector<Wanted> wanted;
      for (const Shape::Field& field : shape.fields) {
        wanted.push_back({field.name, field.shape, field.optional});
      }
      return object_schema(unit, wanted);
    }
    case Shape::Kind::List:
      return "{\"type\":\"array\",\"items\":" + schema_of(unit, shape.element) + "}";
    case Shape::Kind::Set:
      return "{\"type\":\"array\",\"items\":" + schema_of(unit, shape.element) + ",\"uniqueItems\":true}";
    case Shape::Kind::Map:
      return "{\"type\":\"object\",\"additionalProperties\":" + schema_of(unit, shape.element) + "}";
  }
  return "{}";
}

std::vector<Wanted> parameters_of(const abi::Unit& unit, const abi::DecisionInfo& decision) {
  std::vector<Wanted> wanted;
  for (const abi::DecisionInfo::Parameter& parameter : decision.parameters) {
    const abi::Slot& slot = unit.slots[parameter.slot];
    wanted.push_back({parameter.name, slot.shape, slot.optional});
  }
  return wanted;
}

}  // namespace

std::vector<ArgumentProblem> read_arguments(const abi::Unit& unit, const abi::DecisionInfo& decision,
                                            std::string_view text, uint32_t depth, Arena& arena,
                                            std::vector<Value>& slots) {
  std::vector<ArgumentProblem> problems;
  Reader reader(unit, depth, arena, problems);
  const std::vector<Wanted> wanted = parameters_of(unit, decision);
  reader.object(text, "", wanted, [&](size_t index, std::string_view member, const std::string& at) {
    const size_t before = problems.size();
    reader.check(member, wanted[index].shape, at, 1);
    const Value v = reader.convert(member, wanted[index].shape);
    if (v.kind == Kind::Invalid && problems.size() == before) {
      reader.say(at, "is too large, or repeats a member");
    }
    slots[decision.parameters[index].slot] = v;
  });
  return problems;
}

std::optional<std::vector<BatchCall>> read_batch(std::string_view text, uint32_t depth, size_t most) {
  const uint32_t depth_around = depth + 3;  // the object, its list, and the call around the arguments
  std::vector<BatchCall> out;
  bool found = false;
  bool good = true;
  const auto read_call = [&](std::string_view call) {
    BatchCall& made = out.emplace_back("", "{}");
    bool named = false;
    JsonScanner in(call, depth_around);
    good = good && in.peek() == '{' && members(in, [&](std::string_view name, std::string_view value) {
             if (name == "decision" && value.size() >= 2 && value.front() == '"') {
               // Names of decisions have no escapes.
               made.decision = value.substr(1, value.size() - 2);
               named = true;
             } else if (name == "arguments") {
               made.arguments = value;
             } else {
               good = false;
             }
           });
    good = good && named;
    return good && out.size() <= most;
  };
  JsonScanner in(text, depth_around);
  if (in.peek() != '{' || !members(in, [&](std::string_view name, std::string_view value) {
        JsonScanner list(value, depth_around);
        if (name != "calls" || found || list.peek() != '[') {
          good = false;
          return;
        }
        found = true;
        items(list, read_call);
      })) {
    return std::nullopt;
  }
  return found && good ? std::optional(std::move(out)) : std::nullopt;
}

std::string arguments_schema(const abi::Unit& unit, const abi::DecisionInfo& decision) {
  return object_schema(unit, parameters_of(unit, decision));
}

std::string result_schema(const abi::Unit& unit, const abi::DecisionInfo& decision) {
  const std::string schema = schema_of(unit, decision.result);
  return decision.result_optional ? "{\"anyOf\":[" + schema + ",{\"type\":\"null\"}]}" : schema;
}

}  // namespace catalyst::decision
