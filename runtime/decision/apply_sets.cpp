#include <vector>

#include "runtime/decision/apply.h"
#include "runtime/decision/scan.h"
#include "runtime/value/json_text.h"

namespace catalyst::decision {

namespace {

constexpr uint32_t kDepthMax = 512;  // of argument JSON; deeper text counts as unreadable

using Path = std::span<const std::string_view>;

struct Edit {
  size_t begin;
  size_t end;
  std::string text;
};

/// {"a":{"b":VALUE}}
std::string wrap(Path path, std::string_view json) {
  std::string out;
  for (const std::string_view name : path) {
    out += '{';
    value::append_json_string(out, name);
    out += ':';
  }
  out += json;
  out.append(path.size(), '}');
  return out;
}

bool is_named(const JsonScanner::Text& key, std::string_view name) {
  if (!key.escaped) {
    return key.raw == name;
  }
  std::string text(key.raw.size(), '\0');
  text.resize(unescape(key.raw, text.data()));
  return text == name;
}

std::string set_in(std::string_view text, Path path, std::string_view json);

/// The edits that set `path` inside the object `text`; false when it is not an object.
bool find_edits(std::string_view text, Path path, std::string_view json, std::vector<Edit>& edits) {
  JsonScanner in(text, kDepthMax);
  const auto offset = [&] { return static_cast<size_t>(in.position() - text.data()); };
  if (in.peek() != '{' || !in.enter()) {
    return false;
  }
  bool empty = in.peek() == '}';
  while (in.peek() != '}' || !empty) {
    JsonScanner::Text key;
    if (in.peek() != '"' || !in.string(&key) || !in.take(':')) {
      return false;
    }
    in.peek();
    const size_t begin = offset();
    if (!in.skip()) {
      return false;
    }
    // A repeated member is set everywhere: whichever one the server reads, it reads the new value.
    if (is_named(key, path.front())) {
      const std::string_view old = text.substr(begin, offset() - begin);
      edits.push_back(
          {begin, offset(), path.size() == 1 ? std::string(json) : set_in(old, path.subspan(1), json)});
    }
    if (in.peek() == '}') {
      break;
    }
    if (!in.take(',')) {
      return false;
    }
  }
  const size_t close = offset();
  in.leave();
  if (!in.at_end()) {
    return false;
  }
  if (edits.empty()) {
    std::string member = empty ? "" : ",";
    value::append_json_string(member, path.front());
    member += ':';
    member += path.size() == 1 ? std::string(json) : wrap(path.subspan(1), json);
    edits.push_back({close, close, std::move(member)});
  }
  return true;
}

std::string set_in(std::string_view text, Path path, std::string_view json) {
  std::vector<Edit> edits;
  if (!find_edits(text, path, json, edits)) {
    return wrap(path, json);
  }
  std::string out;
  size_t copied = 0;
  for (const Edit& edit : edits) {
    out.append(text, copied, edit.begin - copied);
    out += edit.text;
    copied = edit.end;
  }
  out.append(text, copied, std::string_view::npos);
  return out;
}

}  // namespace

std::string apply_sets(std::string_view args_json, std::span<const SetEffect> sets) {
  std::string out(args_json.empty() ? std::string_view("{}") : args_json);
  for (const SetEffect& set : sets) {
    out = set.path.empty() ? std::string(set.json) : set_in(out, set.path, set.json);
  }
  return out;
}

}  // namespace catalyst::decision
