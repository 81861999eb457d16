#include "runtime/mcp/json_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/folded.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

// Buffers that served a larger text than this are given back to the allocator: one large request must not pin
// memory on every thread.
constexpr size_t kKeptCapacity = 256 * 1024;
constexpr size_t kCapacityStart = 4 * 1024;
constexpr size_t kSpareMax = 8;
// Up to this many keys, comparing all pairs is cheaper than sorting.
constexpr size_t kPairwiseKeys = 12;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

uint64_t mix(uint64_t a, uint64_t b) {
  const __uint128_t product = static_cast<__uint128_t>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t hash_text(std::string_view text) {
  uint64_t hash = 0x9E3779B97F4A7C15ULL ^ text.size();
  while (text.size() >= 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data(), 8);
    hash = mix(hash ^ word, 0xA0761D6478BD642FULL);
    text.remove_prefix(8);
  }
  uint64_t word = 0;
  std::memcpy(&word, text.data(), text.size());
  return mix(hash ^ word, 0xE7037ED1A0B428DBULL);
}

bool valid_number(std::string_view text) {
  size_t i = 0;
  const auto digits = [&] {
    const size_t start = i;
    while (i < text.size() && is_digit(text[i])) {
      ++i;
    }
    return i > start;
  };
  if (i < text.size() && text[i] == '-') {
    ++i;
  }
  if (i < text.size() && text[i] == '0') {
    ++i;
  } else if (!digits()) {
    return false;
  }
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (!digits()) {
      return false;
    }
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) {
      ++i;
    }
    if (!digits()) {
      return false;
    }
  }
  return i == text.size();
}

bool valid_escapes(std::string_view inside) {
  for (size_t i = inside.find('\\'); i != std::string_view::npos; i = inside.find('\\', i)) {
    const char kind = i + 1 < inside.size() ? inside[i + 1] : '\0';
    i += 2;
    if (kind == 'u') {
      for (size_t end = i + 4; i < end; ++i) {
        if (i >= inside.size() || std::isxdigit(static_cast<unsigned char>(inside[i])) == 0) {
          return false;
        }
      }
    } else if (kind == '\0' || std::strchr("\"\\/bfnrt", kind) == nullptr) {
      return false;
    }
  }
  return true;
}

}  // namespace

struct JsonReader::Buffers {
  struct Frame {
    char kind;         // '{' or '['
    bool first;        // nothing consumed yet
    uint32_t keys_at;  // where its key hashes start
  };
  std::unique_ptr<simdjson::internal::dom_parser_implementation> index;
  std::vector<Frame> frames;
  std::vector<uint64_t> keys;

  bool reserve(size_t bytes) {
    if (index != nullptr && index->capacity() >= bytes) {
      return true;
    }
    const size_t capacity = std::max(bytes, kCapacityStart);
    if (index != nullptr) {
      return index->allocate(capacity, kDepthMax) == simdjson::SUCCESS;
    }
    return simdjson::get_active_implementation()->create_dom_parser_implementation(
               capacity, kDepthMax, index) == simdjson::SUCCESS;
  }
};

/// The thread's spare buffers.
struct JsonReader::Lease {
  std::vector<std::unique_ptr<Buffers>> spare;

  static Lease& of_thread() {
    static thread_local Lease lease;
    return lease;
  }
};

JsonReader::JsonReader() {
  std::vector<std::unique_ptr<Buffers>>& spare = Lease::of_thread().spare;
  if (spare.empty()) {
    buffers_ = std::make_unique<Buffers>();
  } else {
    buffers_ = std::move(spare.back());
    spare.pop_back();
  }
}

JsonReader::~JsonReader() {
  std::vector<std::unique_ptr<Buffers>>& spare = Lease::of_thread().spare;
  const bool small = buffers_->index == nullptr || buffers_->index->capacity() <= kKeptCapacity;
  if (small && buffers_->keys.capacity() <= kKeptCapacity / 8 && spare.size() < kSpareMax) {
    spare.push_back(std::move(buffers_));
  }
}

bool JsonReader::fail(JsonFault fault) {
  if (fault_ == JsonFault::None) {
    fault_ = fault;
  }
  return false;
}

bool JsonReader::open(std::string_view text, uint32_t depth, Keys keys) {
  keys_ = keys;
  text_ = text;
  next_ = 0;
  fault_ = JsonFault::None;
  depth_max_ = std::min(depth, kDepthMax);
  buffers_->frames.clear();
  buffers_->keys.clear();
  if (text.empty()) {
    return fail(JsonFault::Malformed);
  }
  if (!buffers_->reserve(text.size())) {
    return fail(JsonFault::TooLarge);
  }
  const simdjson::error_code code = buffers_->index->stage1(reinterpret_cast<const uint8_t*>(text.data()),
                                                            text.size(), simdjson::stage1_mode::regular);
  if (code == simdjson::UTF8_ERROR) {
    return fail(JsonFault::BadUtf8);
  }
  return code == simdjson::SUCCESS || fail(JsonFault::Malformed);
}

char JsonReader::token(uint32_t index) const {
  const auto& found = *buffers_->index;
  if (index >= found.n_structural_indexes) {
    return '\0';
  }
  return text_[found.structural_indexes[index]];
}

std::string_view JsonReader::token_text(uint32_t index) const {
  const auto& found = *buffers_->index;
  const size_t start = found.structural_indexes[index];
  size_t end = index + 1 < found.n_structural_indexes ? found.structural_indexes[index + 1] : text_.size();
  while (end > start && is_space(text_[end - 1])) {
    --end;
  }
  return text_.substr(start, end - start);
}

bool JsonReader::check_scalar(uint32_t index) {
  const std::string_view text = token_text(index);
  bool valid = false;
  switch (text.front()) {
    case '"':
      valid = text.size() >= 2 && text.back() == '"' && valid_escapes(text.substr(1, text.size() - 2));
      break;
    case 't':
      valid = text == "true";
      break;
    case 'f':
      valid = text == "false";
      break;
    case 'n':
      valid = text == "null";
      break;
    default:
      valid = valid_number(text);
  }
  return valid || fail(JsonFault::Malformed);
}

char JsonReader::peek() const { return failed() ? '\0' : token(next_); }

const char* JsonReader::position() const {
  const auto& found = *buffers_->index;
  return next_ < found.n_structural_indexes ? text_.data() + found.structural_indexes[next_]
                                            : text_.data() + text_.size();
}

const char* JsonReader::consumed() const {
  if (next_ == 0) {
    return text_.data();
  }
  const std::string_view last = token_text(next_ - 1);
  return last.data() + last.size();
}

bool JsonReader::push(char kind) {
  if (buffers_->frames.size() >= depth_max_) {
    return fail(JsonFault::TooDeep);
  }
  buffers_->frames.push_back({kind, true, static_cast<uint32_t>(buffers_->keys.size())});
  ++next_;
  return true;
}

bool JsonReader::pop() {
  Buffers& b = *buffers_;
  const auto first = b.keys.begin() + b.frames.back().keys_at;
  const auto count = static_cast<size_t>(b.keys.end() - first);
  bool duplicate = false;
  if (count > kPairwiseKeys) {
    std::sort(first, b.keys.end());
    duplicate = std::adjacent_find(first, b.keys.end()) != b.keys.end();
  } else {
    for (auto a = first; a != b.keys.end() && !duplicate; ++a) {
      duplicate = std::find(a + 1, b.keys.end(), *a) != b.keys.end();
    }
  }
  b.keys.resize(b.frames.back().keys_at);
  b.frames.pop_back();
  ++next_;
  return !duplicate || fail(JsonFault::DuplicateKey);
}

bool JsonReader::take_key(std::string_view& key) {
  if (token(next_) != '"' || token(next_ + 1) != ':') {
    return fail(JsonFault::Malformed);
  }
  const std::string_view quoted = token_text(next_);
  if (quoted.size() < 2 || quoted.back() != '"') {
    return fail(JsonFault::Malformed);
  }
  key = quoted.substr(1, quoted.size() - 2);
  // Keys are compared by their text: "env" spelt with an escape is still "env".
  std::string unescaped;
  std::string_view text = key;
  if (!value::is_plain_json(key)) {
    if (!valid_escapes(key)) {
      return fail(JsonFault::Malformed);
    }
    unescaped = value::unescape_json(key).value_or(std::string(key));
    text = unescaped;
  }
  buffers_->keys.push_back(keys_ == Keys::Exact || is_folded(text) ? hash_text(text)
                                                                   : hash_text(folded(text)));
  next_ += 2;
  return true;
}

bool JsonReader::enter_object() {
  if (peek() != '{') {
    value();
    return false;
  }
  return push('{');
}

bool JsonReader::enter_array() {
  if (peek() != '[') {
    value();
    return false;
  }
  return push('[');
}

bool JsonReader::next_member(std::string_view& key) {
  if (failed() || buffers_->frames.empty()) {
    return false;
  }
  Buffers::Frame& frame = buffers_->frames.back();
  const char c = token(next_);
  if (c == '}') {
    pop();
    return false;
  }
  if (!frame.first) {
    if (c != ',') {
      return fail(JsonFault::Malformed);
    }
    ++next_;
  }
  frame.first = false;
  return take_key(key);
}

bool JsonReader::next_element() {
  if (failed() || buffers_->frames.empty()) {
    return false;
  }
  Buffers::Frame& frame = buffers_->frames.back();
  const char c = token(next_);
  if (c == ']') {
    pop();
    return false;
  }
  if (!frame.first) {
    if (c != ',') {
      return fail(JsonFault::Malformed);
    }
    ++next_;
  }
  frame.first = false;
  return true;
}

bool JsonReader::skip_containers(size_t base) {
  std::string_view key;
  while (buffers_->frames.size() > base) {
    const bool more = buffers_->frames.back().kind == '{' ? next_member(key) : next_element();
    if (failed()) {
      return false;
    }
    if (!more) {
      continue;
    }
    const char c = token(next_);
    if (c == '{' || c == '[') {
      if (!push(c)) {
        return false;
      }
    } else if (c == '\0' || !check_scalar(next_)) {
      return fail(JsonFault::Malformed);
    } else {
      ++next_;
    }
  }
  return true;
}

std::string_view JsonReader::value() {
  const char c = peek();
  if (c == '\0') {
    fail(JsonFault::Malformed);
    return {};
  }
  const uint32_t start = next_;
  if (c != '{' && c != '[') {
    if (!check_scalar(start)) {
      return {};
    }
    ++next_;
    return token_text(start);
  }
  const size_t base = buffers_->frames.size();
  if (!push(c) || !skip_containers(base)) {
    return {};
  }
  const auto& indexes = buffers_->index->structural_indexes;
  return text_.substr(indexes[start], indexes[next_ - 1] + 1 - indexes[start]);
}

std::string_view JsonReader::string() {
  const bool is_string = peek() == '"';
  const std::string_view text = value();
  if (!is_string || text.size() < 2) {
    return {};
  }
  return text.substr(1, text.size() - 2);
}

bool JsonReader::finished() const {
  return !failed() && buffers_->frames.empty() && next_ > 0 && next_ == buffers_->index->n_structural_indexes;
}

}  // namespace catalyst::mcp
