#include "runtime/mcp/json_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/folded.h"
#include "runtime/base/words.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

// Buffers that served a larger text than this are given back to the allocator: one large request must not pin
// memory on every thread.
constexpr size_t kKeptCapacity = 256 * 1024;
constexpr size_t kCapacityStart = 4 * 1024;
constexpr size_t kSpareMax = 8;
// Up to this many keys, comparing all pairs is cheaper than sorting.
constexpr ptrdiff_t kPairwiseKeys = 12;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

uint64_t mix(uint64_t a, uint64_t b) {
  const __uint128_t product = static_cast<__uint128_t>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

constexpr uint64_t kHigh = 0x8080808080808080ULL;

/// A word of ASCII with its capital letters made small, where `fold` has the high bits of its bytes.
uint64_t fold_word(uint64_t word, uint64_t fold) {
  constexpr uint64_t kOnes = 0x0101010101010101ULL;
  const uint64_t from_a = word + kOnes * (0x80 - 'A');
  const uint64_t above_z = word + kOnes * (0x7f - 'Z');
  return word | ((from_a ^ above_z) & fold) >> 2;
}

/// `bits` are set that any word of the text has.
inline uint64_t hash_text(std::string_view text, uint64_t fold, uint64_t& bits) {
  uint64_t hash = 0x9E3779B97F4A7C15ULL ^ text.size();
  size_t i = 0;
  for (; i + 8 < text.size(); i += 8) {
    const uint64_t word = word_of(text.data() + i, 8);
    bits |= word;
    hash = mix(hash ^ fold_word(word, fold), 0xA0761D6478BD642FULL);
  }
  const uint64_t word = word_of(text.data() + i, text.size() - i);
  bits |= word;
  return mix(hash ^ fold_word(word, fold), 0xE7037ED1A0B428DBULL);
}

/// Of a text beyond ASCII, of which two letters fold into it and are shorter then. (This and other rare work
/// is out of line: what calls it is short without it.)
[[gnu::noinline]] uint64_t hash_folded(std::string_view text) {
  uint64_t bits = 0;
  return hash_text(folded(text), 0, bits);
}

/// Whether two of the hashes of one object are the same. Puts them into another order.
[[gnu::noinline]] bool has_twice(std::vector<uint64_t>::iterator first,
                                 std::vector<uint64_t>::iterator last) {
  if (last - first > kPairwiseKeys) {
    std::sort(first, last);
    return std::adjacent_find(first, last) != last;
  }
  for (auto key = first; key != last; ++key) {
    if (std::find(key + 1, last, *key) != last) {
      return true;
    }
  }
  return false;
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
  std::unique_ptr<simdjson::internal::dom_parser_implementation> index;
  // Stacks; how much of them is in use, the reader knows.
  std::vector<Frame> frames;
  std::vector<uint64_t> keys;

  template <class T>
  [[gnu::noinline]] static void grow(std::vector<T>& stack) {
    stack.resize(std::max<size_t>(16, 2 * stack.size()));
  }

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
  fold_ = keys == Keys::Folded ? kHigh : 0;
  text_ = text;
  next_ = 0;
  count_ = 0;
  fault_ = JsonFault::None;
  depth_max_ = std::min(depth, kDepthMax);
  frame_ = Frame();
  depth_ = 0;
  keys_ = 0;
  if (text.empty()) {
    return fail(JsonFault::Malformed);
  }
  if (!buffers_->reserve(text.size())) {
    return fail(JsonFault::TooLarge);
  }
  simdjson::internal::dom_parser_implementation& index = *buffers_->index;
  const simdjson::error_code code = index.stage1(reinterpret_cast<const uint8_t*>(text.data()), text.size(),
                                                 simdjson::stage1_mode::regular);
  if (code != simdjson::SUCCESS) {
    return fail(code == simdjson::UTF8_ERROR ? JsonFault::BadUtf8 : JsonFault::Malformed);
  }
  count_ = index.n_structural_indexes;
  index.structural_indexes[count_] = static_cast<uint32_t>(text.size());  // it has room for what it ends with
  starts_ = index.structural_indexes.get();
  has_escapes_ = text.find('\\') != std::string_view::npos;
  return true;
}

char JsonReader::token(uint32_t index) const { return index < count_ ? text_[starts_[index]] : '\0'; }

std::string_view JsonReader::token_text(uint32_t index) const {
  const char* start = text_.data() + starts_[index];
  const char* end = text_.data() + starts_[index + 1];
  while (is_space(end[-1])) {  // ends at the token's first byte, which is none
    --end;
  }
  return {start, static_cast<size_t>(end - start)};
}

bool JsonReader::is_scalar(std::string_view text) const {
  switch (text.front()) {
    case '"':
      return text.size() >= 2 && text.back() == '"' &&
             (!has_escapes_ || valid_escapes(text.substr(1, text.size() - 2)));
    case 't':
      return text == "true";
    case 'f':
      return text == "false";
    case 'n':
      return text == "null";
    default:
      return valid_number(text);
  }
}

/// Passes over the value at the cursor, which opens no container.
std::string_view JsonReader::scalar() {
  const std::string_view text = next_ < count_ ? token_text(next_) : std::string_view();
  if (text.empty() || !is_scalar(text)) {
    fail(JsonFault::Malformed);
    return {};
  }
  ++next_;
  return text;
}

char JsonReader::peek() const { return failed() ? '\0' : token(next_); }

const char* JsonReader::position() const {
  return text_.data() + (next_ < count_ ? starts_[next_] : text_.size());
}

const char* JsonReader::consumed() const {
  if (next_ == 0) {
    return text_.data();
  }
  const std::string_view last = token_text(next_ - 1);
  return last.data() + last.size();
}

bool JsonReader::push(char kind) {
  if (depth_ >= depth_max_) {
    return fail(JsonFault::TooDeep);
  }
  if (depth_ == buffers_->frames.size()) {
    Buffers::grow(buffers_->frames);
  }
  buffers_->frames[depth_++] = frame_;
  frame_ = Frame();
  frame_.kind = kind;
  frame_.keys_at = keys_;
  ++next_;
  return true;
}

bool JsonReader::pop() {
  const auto keys = buffers_->keys.begin();
  const bool duplicate = frame_.crowded && has_twice(keys + frame_.keys_at, keys + keys_);
  keys_ = frame_.keys_at;
  frame_ = buffers_->frames[--depth_];
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
  next_ += 2;
  return has_escapes_ ? note_any_key(key) : note_key(key);
}

bool JsonReader::note_key(std::string_view text) {
  uint64_t bits = 0;
  const uint64_t hash = hash_text(text, fold_, bits);
  return note_hash((bits & fold_) == 0 ? hash : hash_folded(text));
}

/// One that may be written with escapes: keys are compared by their text, "env" with an escape is still
/// "env".
bool JsonReader::note_any_key(std::string_view key) {
  if (is_plain(key)) {
    return note_key(key);
  }
  return valid_escapes(key) ? note_key(value::unescape_json(key).value_or(std::string(key)))
                            : fail(JsonFault::Malformed);
}

bool JsonReader::note_hash(uint64_t hash) {
  const uint64_t mark = uint64_t{1} << (hash >> 58);
  frame_.crowded = frame_.crowded || (frame_.marks & mark) != 0;
  frame_.marks |= mark;
  if (keys_ == buffers_->keys.size()) {
    Buffers::grow(buffers_->keys);
  }
  buffers_->keys[keys_++] = hash;
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

/// To the next part of the innermost container, which `end` closes; false behind the last one, and on a
/// fault.
bool JsonReader::step(char end) {
  if (failed() || frame_.kind == '\0') {
    return false;
  }
  const char c = token(next_);
  if (c == end) {
    pop();
    return false;
  }
  if (frame_.first) {
    frame_.first = false;
    return true;
  }
  if (c != ',') {
    return fail(JsonFault::Malformed);
  }
  ++next_;
  return true;
}

bool JsonReader::next_member(std::string_view& key) { return step('}') && take_key(key); }

bool JsonReader::next_element() { return step(']'); }

bool JsonReader::skip_containers(uint32_t base) {
  std::string_view key;
  while (depth_ > base) {
    if (!(frame_.kind == '{' ? next_member(key) : next_element())) {
      if (failed()) {
        return false;
      }
      continue;
    }
    const char c = token(next_);
    if (c == '{' || c == '[' ? !push(c) : scalar().empty()) {
      return false;
    }
  }
  return true;
}

std::string_view JsonReader::value() {
  const char c = peek();
  if (c != '{' && c != '[') {
    return failed() ? std::string_view() : scalar();
  }
  const uint32_t start = next_;
  const uint32_t base = depth_;
  if (!push(c) || !skip_containers(base)) {
    return {};
  }
  return text_.substr(starts_[start], starts_[next_ - 1] + 1 - starts_[start]);
}

std::string_view JsonReader::string() {
  const bool is_string = peek() == '"';
  const std::string_view text = value();
  if (!is_string || text.size() < 2) {
    return {};
  }
  return text.substr(1, text.size() - 2);
}

bool JsonReader::finished() const { return !failed() && depth_ == 0 && next_ > 0 && next_ == count_; }

}  // namespace catalyst::mcp
