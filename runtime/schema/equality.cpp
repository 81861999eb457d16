#include <algorithm>
#include <cmath>

#include "runtime/schema/node.h"

namespace catalyst::schema {
namespace {

using Type = simdjson::dom::element_type;

uint64_t mix(uint64_t hash, uint64_t word) {
  hash ^= word + 0x9E3779B97F4A7C15ULL + (hash << 6) + (hash >> 2);
  return hash * 0xBF58476D1CE4E5B9ULL;
}

bool is_number(Element element) {
  return element.type() == Type::INT64 || element.type() == Type::UINT64 || element.type() == Type::DOUBLE;
}

bool same_objects(simdjson::dom::object a, simdjson::dom::object b, uint64_t& steps) {
  if (a.size() != b.size()) {
    return false;
  }
  std::map<std::string_view, Element> members;
  for (const auto& member : b) {
    members.emplace(member.key, member.value);
  }
  for (const auto& member : a) {
    const auto found = members.find(member.key);
    if (found == members.end() || !same_value(member.value, found->second, steps)) {
      return false;
    }
  }
  return members.size() == a.size();
}

bool same_arrays(simdjson::dom::array a, simdjson::dom::array b, uint64_t& steps) {
  auto other = b.begin();
  for (const Element element : a) {
    if (other == b.end() || !same_value(element, *other, steps)) {
      return false;
    }
    ++other;
  }
  return !(other != b.end());
}

}  // namespace

/// 64 bits of mantissa hold every integer and double that the parser gives.
long double number_of(Element element) {
  switch (element.type()) {
    case Type::INT64:
      return static_cast<long double>(element.get_int64().value_unsafe());
    case Type::UINT64:
      return static_cast<long double>(element.get_uint64().value_unsafe());
    case Type::DOUBLE:
      return static_cast<long double>(element.get_double().value_unsafe());
    case Type::ARRAY:
    case Type::OBJECT:
    case Type::STRING:
    case Type::BOOL:
    case Type::NULL_VALUE:
      break;
  }
  return 0;
}

bool same_value(Element a, Element b, uint64_t& steps) {
  if (steps == 0) {
    return false;
  }
  --steps;
  if (is_number(a) || is_number(b)) {
    return is_number(a) && is_number(b) && number_of(a) == number_of(b);
  }
  if (a.type() != b.type()) {
    return false;
  }
  switch (a.type()) {
    case Type::STRING:
      return as_string(a) == as_string(b);
    case Type::BOOL:
      return a.get_bool().value_unsafe() == b.get_bool().value_unsafe();
    case Type::NULL_VALUE:
      return true;
    case Type::ARRAY:
      return same_arrays(as_array(a), as_array(b), steps);
    case Type::OBJECT:
      return same_objects(as_object(a), as_object(b), steps);
    case Type::INT64:
    case Type::UINT64:
    case Type::DOUBLE:
      break;
  }
  return false;
}

uint64_t hash_value(Element element) {
  if (is_number(element)) {
    return mix(1, std::hash<long double>()(number_of(element)));
  }
  uint64_t hash = static_cast<uint64_t>(element.type());
  switch (element.type()) {
    case Type::STRING:
      return mix(hash, std::hash<std::string_view>()(as_string(element)));
    case Type::BOOL:
      return mix(hash, element.get_bool().value_unsafe() ? 1 : 0);
    case Type::ARRAY:
      for (const Element inner : as_array(element)) {
        hash = mix(hash, hash_value(inner));
      }
      return hash;
    case Type::OBJECT:
      for (const auto& member : as_object(element)) {
        hash +=
            mix(std::hash<std::string_view>()(member.key), hash_value(member.value));  // whatever the order
      }
      return hash;
    case Type::NULL_VALUE:
    case Type::INT64:
    case Type::UINT64:
    case Type::DOUBLE:
      break;
  }
  return hash;
}

}  // namespace catalyst::schema
