#include "runtime/decision/canonical_json.h"

#include <algorithm>

#include "runtime/decision/scan.h"

namespace catalyst::decision {

bool CanonicalJson::append(std::string_view text, uint32_t depth, std::string& out) {
  members_.clear();
  JsonScanner in(text.empty() ? "{}" : text, depth);
  return append_value(in, out) && in.at_end();
}

/// Recursion is bounded by the scanner's depth.
bool CanonicalJson::append_value(JsonScanner& in, std::string& out) {
  switch (in.peek()) {
    case '{':
      return append_object(in, out);
    case '[':
      return append_list(in, out);
    case '"': {
      JsonScanner::Text text;
      if (!in.string(&text)) {
        return false;
      }
      out.append(1, '"').append(text.raw).append(1, '"');
      return true;
    }
    case 't':
      out += "true";
      return in.literal("true");
    case 'f':
      out += "false";
      return in.literal("false");
    case 'n':
      out += "null";
      return in.literal("null");
    default: {
      std::string_view number;
      bool integral = false;
      if (!in.number(&number, &integral)) {
        return false;
      }
      out += number;
      return true;
    }
  }
}

bool CanonicalJson::append_list(JsonScanner& in, std::string& out) {
  if (!in.enter()) {
    return false;
  }
  out += '[';
  for (bool first = true; in.peek() != ']'; first = false) {
    if (!first) {
      out += ',';
      if (!in.take(',') || in.peek() == ']') {
        return in.fail();
      }
    }
    if (!append_value(in, out)) {
      return false;
    }
  }
  in.leave();
  out += ']';
  return true;
}

bool CanonicalJson::append_object(JsonScanner& in, std::string& out) {
  if (!in.enter()) {
    return false;
  }
  out += '{';
  const size_t first = members_.size();
  while (in.peek() != '}') {
    if (members_.size() > first && (!in.take(',') || in.peek() != '"')) {
      return in.fail();
    }
    JsonScanner::Text name;
    if (in.peek() != '"' || !in.string(&name) || !in.take(':')) {
      return in.fail();
    }
    const size_t begin = out.size();
    out.append(1, '"').append(name.raw).append("\":");
    const size_t at = members_.size();
    members_.push_back({name.raw, begin, 0});
    if (!append_value(in, out)) {
      return false;
    }
    members_[at].end = out.size();
  }
  in.leave();
  return sort_members(first, out);
}

/// Members are unquoted texts of one writer: two spellings of one name would be two members to it and one to
/// a reader, so names with escapes are refused where there could be a repetition.
bool CanonicalJson::sort_members(size_t first, std::string& out) {
  const auto begin = members_.begin() + static_cast<std::ptrdiff_t>(first);
  const auto escaped = [](const Member& member) { return member.name.find('\\') != std::string_view::npos; };
  if (members_.end() - begin > 1 && std::any_of(begin, members_.end(), escaped)) {
    return false;
  }
  if (begin != members_.end()) {
    const size_t start = begin->begin;
    std::sort(begin, members_.end(), [](const Member& a, const Member& b) { return a.name < b.name; });
    sorted_.clear();
    for (auto member = begin; member != members_.end(); ++member) {
      if (member != begin && member->name == (member - 1)->name) {
        return false;
      }
      sorted_.append(sorted_.empty() ? "" : ",").append(out, member->begin, member->end - member->begin);
    }
    out.replace(start, out.size() - start, sorted_);
    members_.resize(first);
  }
  out += '}';
  return true;
}

}  // namespace catalyst::decision
