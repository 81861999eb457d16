#include "runtime/decision/project.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

#include "runtime/value/ip.h"

namespace catalyst::decision {

namespace {

using abi::InputRoot;
using value::Kind;
using value::Value;

/// A textual address; empty: Absent.
Value ip_of(std::string_view text) {
  if (text.empty()) {
    return Value::absent();
  }
  const std::optional<Value> address = value::parse_ip(text);
  return address && address->scale == 128 ? *address : Value::invalid();
}

}  // namespace

void Projector::prepare(const abi::Unit& unit, const PathTree& tree, uint32_t json_depth) {
  unit_ = &unit;
  tree_ = &tree;
  json_depth_ = json_depth;
  seen_.assign(tree.size(), 0);
  epoch_ = 0;
  stack_.reserve(64);
  entry_stack_.reserve(64);
}

Value Projector::texts(std::span<const std::string_view> all) {
  auto* items = arena_->alloc_array<Value>(all.size());
  if (items == nullptr) {
    return Value::invalid();
  }
  uint32_t count = 0;
  for (const std::string_view text : all) {
    items[count++] = Value::of_string(text);
  }
  return Value::of_list(items, count);
}

void Projector::fill_trusted(const Request& request, const SlotSelection& selection, Arena& arena,
                             Value* slots) {
  selection_ = &selection;
  arena_ = &arena;
  slots_ = slots;
  invalid_ = false;
  if (++epoch_ == 0) {
    std::fill(seen_.begin(), seen_.end(), 0);
    epoch_ = 1;
  }
  static const Principal kAnonymous;
  const Principal& principal = request.principal != nullptr ? *request.principal : kAnonymous;
  for (const auto& [slot, root] : selection.trusted) {
    switch (root) {
      case InputRoot::PrincipalId:
        slots_[slot] = Value::of_string(principal.id);
        break;
      case InputRoot::PrincipalTenant:
        slots_[slot] = Value::of_string(principal.tenant);
        break;
      case InputRoot::PrincipalRoles:
        slots_[slot] = texts(principal.roles);
        break;
      case InputRoot::Labels:
        slots_[slot] = texts(request.labels);
        break;
      case InputRoot::PrincipalRisk:
        slots_[slot] = Value::of_int(principal.risk);
        break;
      case InputRoot::PrincipalMfa:
        slots_[slot] = Value::of_bool(principal.mfa);
        break;
      case InputRoot::SessionId:
        slots_[slot] = Value::of_string(request.session_id);
        break;
      case InputRoot::SessionProtocol:
        slots_[slot] = Value::of_string(request.protocol_version);
        break;
      case InputRoot::ClientName:
        slots_[slot] = Value::of_string(request.client_name);
        break;
      case InputRoot::ClientVersion:
        slots_[slot] = Value::of_string(request.client_version);
        break;
      case InputRoot::ClientIp:
        store(slot, ip_of(request.client_ip));
        break;
      case InputRoot::CallServer:
        slots_[slot] = Value::of_string(request.server);
        break;
      case InputRoot::CallTool:
        slots_[slot] = Value::of_string(request.tool);
        break;
      case InputRoot::Now:
        slots_[slot] = Value::of_int(request.now_us, Kind::Time);
        break;
      case InputRoot::PrincipalClaims:
      case InputRoot::CallArgs:
      case InputRoot::Params:
      case InputRoot::Result:
      case InputRoot::ToolDefinition:
      case InputRoot::Window:  // filled once the others are known
      case InputRoot::Argument:
        break;
    }
  }
}

bool Projector::read_json(const Request& request) {
  const SlotSelection& selection = *selection_;
  if (selection.json.empty()) {
    return invalid_;
  }
  for (const uint32_t slot : selection.json) {
    slots_[slot] = Value::absent();
  }
  if (selection.roots[static_cast<size_t>(JsonRoot::Claims)] && request.principal != nullptr) {
    read_root(request.principal->claims, JsonRoot::Claims);
  }
  if (selection.roots[static_cast<size_t>(JsonRoot::Args)]) {
    read_root(request.args, JsonRoot::Args);
  }
  if (selection.roots[static_cast<size_t>(JsonRoot::Params)]) {
    read_root(request.params, JsonRoot::Params);
  }
  if (selection.roots[static_cast<size_t>(JsonRoot::Result)]) {
    read_root(request.result, JsonRoot::Result);
  }
  if (selection.roots[static_cast<size_t>(JsonRoot::Definition)]) {
    read_root(request.definition, JsonRoot::Definition);
  }
  return invalid_;
}

void Projector::store(uint32_t slot, const Value& v) {
  slots_[slot] = v;
  invalid_ = invalid_ || v.kind == Kind::Invalid;
}

void Projector::invalidate(const std::vector<uint32_t>& slots) {
  for (const uint32_t slot : slots) {
    if (selection_->has(slot)) {
      store(slot, Value::invalid());
    }
  }
}

void Projector::read_root(std::string_view text, JsonRoot root) {
  const PathTree::Node& node = tree_->node(PathTree::root(root));
  if (text.empty()) {
    return;
  }
  text_end_ = text.data() + text.size();
  JsonScanner in(text, json_depth_);
  in.peek();
  const char* const begin = in.position();
  if (!node.below.empty() && in.peek() == '{') {
    read_object(in, node);
  } else {
    if (in.peek() != 'n') {
      invalidate(node.below);
    }
    in.skip();
  }
  if (in.failed() || !in.at_end()) {
    invalidate(node.below);
    invalidate(node.slots);
    return;
  }
  for (const uint32_t slot : node.slots) {
    if (selection_->has(slot)) {
      JsonScanner whole({begin, static_cast<size_t>(text_end_ - begin)}, json_depth_);
      Converter convert(unit_->shapes, *arena_, stack_, entry_stack_);
      store(slot, convert.convert(whole, unit_->slots[slot].shape));
    }
  }
}

/// A value that no rule reads.
[[gnu::always_inline]] inline void skip_unwanted(JsonScanner& in) {
  JsonScanner::Text text;
  int64_t number = 0;
  bool truth = false;
  if (in.peek() == '"') {
    in.string(&text);
  } else if (!in.short_integer(&number) && !in.truth(&truth)) {
    JsonScanner copy = in;
    copy.skip();
    in = copy;
  }
}

/// The scanner is a copy while the object is read: nothing else points to it, so that it stays in registers.
void Projector::read_object(JsonScanner& outer, const PathTree::Node& node) {
  JsonScanner in = outer;
  bool more = in.enter() && in.peek() != '}';
  while (more) {
    JsonScanner::Text key;
    if (in.peek() != '"' || !in.string(&key) || !in.take(':')) {
      in.fail();
      break;
    }
    uint32_t child = UINT32_MAX;
    if (!key.escaped) [[likely]] {
      child = PathTree::find(node, key.raw, text_end_);
    } else {
      child = find_spelled(node, key.raw);
    }
    if (child == UINT32_MAX) {
      skip_unwanted(in);
    } else if (!read_plain(in, tree_->node(child), child)) {
      JsonScanner copy = in;
      read_value(copy, child);
      in = copy;
    }
    more = in.peek() == ',';
    if (more) {
      in.take_peeked();
    }
  }
  if (!in.failed() && (in.peek() == '}' || in.fail())) {
    in.leave();
  }
  outer = in;
}

/// The child whose name has escapes; without room to spell it out any of them might be meant.
uint32_t Projector::find_spelled(const PathTree::Node& node, std::string_view raw) {
  auto* const buffer = static_cast<char*>(arena_->alloc(raw.size() + 1));
  if (buffer == nullptr) {
    invalidate(node.below);
    return UINT32_MAX;
  }
  const size_t length = unescape(raw, buffer);
  return PathTree::find(node, {buffer, length}, buffer + length);
}

/// Reads the usual form of a value; false, and nothing done, when the value is of another.
[[gnu::always_inline]] inline bool Projector::read_plain(JsonScanner& in, const PathTree::Node& node,
                                                         uint32_t index) {
  using Plain = PathTree::Node::Plain;
  if (node.plain == Plain::No || seen_[index] == epoch_) {
    return false;
  }
  if (!selection_->has(node.plain_slot)) {
    skip_unwanted(in);
    return true;
  }
  const char c = in.peek();
  Value& out = slots_[node.plain_slot];
  switch (node.plain) {
    case Plain::Text: {
      JsonScanner ahead = in;
      JsonScanner::Text text;
      if (c != '"' || !ahead.string(&text) || text.escaped) {
        return false;
      }
      in = ahead;
      out = Value::of_string(text.raw);
      break;
    }
    case Plain::Integer: {
      int64_t number = 0;
      if (!in.short_integer(&number)) {
        return false;
      }
      out = Value::of_int(number);
      break;
    }
    case Plain::Truth: {
      bool truth = false;
      if (!in.truth(&truth)) {
        return false;
      }
      out = Value::of_bool(truth);
      break;
    }
    case Plain::Texts: {
      JsonScanner ahead = in;
      if (c != '[' || !read_texts(ahead, &out)) {
        return false;
      }
      in = ahead;
      break;
    }
    case Plain::No:
      return false;
  }
  seen_[index] = epoch_;
  return true;
}

/// A list of a few strings without escapes.
[[gnu::always_inline]] inline bool Projector::read_texts(JsonScanner& in, Value* out) {
  constexpr uint32_t kFew = 8;
  auto* const items = arena_->alloc_array<Value>(kFew);
  if (items == nullptr || !in.enter()) {
    return false;
  }
  uint32_t count = 0;
  JsonScanner::Text text;
  while (count < kFew && in.peek() == '"' && in.string(&text) && !text.escaped) {
    items[count++] = Value::of_string(text.raw);
    const char next = in.peek();
    if (next == ']') {
      in.leave();
      *out = Value::of_list(items, count);
      return true;
    }
    if (next != ',') {
      return false;
    }
    in.take_peeked();
  }
  return false;
}

void Projector::read_value(JsonScanner& in, uint32_t index) {
  const PathTree::Node& node = tree_->node(index);
  if (seen_[index] == epoch_) {
    // A repeated member: readers disagree about which one counts, so rules must not guess.
    invalidate(node.slots);
    invalidate(node.below);
    in.skip();
    return;
  }
  seen_[index] = epoch_;
  if (node.children.empty()) [[likely]] {
    read_leaf(in, node);
    return;
  }
  const char c = in.peek();
  const JsonScanner start = in;
  if (c == '{') {
    read_object(in, node);
  } else {
    if (c != 'n') {
      invalidate(node.below);
    }
    in.skip();
  }
  if (!node.slots.empty() && !in.failed()) {
    JsonScanner again = start;
    read_leaf(again, node);
  }
}

void Projector::read_leaf(JsonScanner& in, const PathTree::Node& node) {
  Converter convert(unit_->shapes, *arena_, stack_, entry_stack_);
  const JsonScanner start = in;
  bool read = false;
  for (const uint32_t slot : node.slots) {
    if (!selection_->has(slot)) {
      continue;
    }
    JsonScanner again = start;
    store(slot, convert.convert(again, unit_->slots[slot].shape));
    in = again;
    read = true;
  }
  if (!read) {
    in.skip();
  }
}

}  // namespace catalyst::decision
