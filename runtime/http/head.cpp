#include "runtime/http/head.h"

#include <array>
#include <bit>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace catalyst::http {
namespace {

constexpr std::array<bool, 256> kTokenCharacters = [] {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) {
    table[c] = true;
  }
  for (int c = 'a'; c <= 'z'; ++c) {
    table[c] = true;
    table[c - 'a' + 'A'] = true;
  }
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}();

bool is_token_character(char c) { return kTokenCharacters[static_cast<unsigned char>(c)]; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

template <class Word>
Word folded(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof(word));
  return word | static_cast<Word>(0x2020202020202020ULL);
}

/// Passes over blocks of letters, digits and hyphens, which names mostly are.
const char* skip_name_blocks(const char* at, const char* end) {
#if defined(__SSE2__)
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i letter = _mm_sub_epi8(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    const __m128i digit = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
    const __m128i plain =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter),
                                  _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit)),
                     _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-')));
    if (const unsigned others = static_cast<unsigned>(_mm_movemask_epi8(plain)) ^ 0xffffU; others != 0) {
      return at + std::countr_zero(others);
    }
  }
#endif
  return at;
}

/// The first control character that is not a tab; `end` when there is none.
const char* find_control(const char* at, const char* end) {
#if defined(__SSE2__)
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i from_blank = _mm_cmpeq_epi8(_mm_subs_epu8(_mm_set1_epi8(' '), bytes), _mm_setzero_si128());
    const __m128i plain = _mm_or_si128(from_blank, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t')));
    const __m128i deleted = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
    const unsigned controls = (static_cast<unsigned>(_mm_movemask_epi8(plain)) ^ 0xffffU) |
                              static_cast<unsigned>(_mm_movemask_epi8(deleted));
    if (controls != 0) {
      return at + std::countr_zero(controls);
    }
  }
#endif
  for (; at != end; ++at) {
    const auto c = static_cast<unsigned char>(*at);
    if ((c < 0x20 && c != '\t') || c == 0x7f) {
      break;
    }
  }
  return at;
}

template <class Visit>
void for_each_element(std::string_view list, Visit&& visit) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    std::string_view element = list.substr(0, comma);
    while (!element.empty() && is_blank(element.front())) {
      element.remove_prefix(1);
    }
    while (!element.empty() && is_blank(element.back())) {
      element.remove_suffix(1);
    }
    visit(element);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

}  // namespace

/// One pass over the bytes. Every function answers Complete to go on.
class HeadParser {
 public:
  HeadParser(std::string_view text, size_t max_fields, Head& head)
      : begin_(text.data()), at_(begin_), end_(begin_ + text.size()), max_fields_(max_fields), head_(head) {
    head_.fields.clear();
    head_.name_lengths_ = 0;
    head_.size = 0;
    head_.status = 0;
    head_.start = {};
    head_.http11 = true;
    head_.expect_continue = false;
  }

  HeadResult request() {
    HeadResult result = method_and_target();
    if (result == HeadResult::Complete) {
      result = version();
    }
    if (result == HeadResult::Complete) {
      result = line_end();
    }
    if (result == HeadResult::Complete) {
      result = fields();
    }
    if (result != HeadResult::Complete) {
      return result;
    }
    if (hosts_ > 1 || authorizations_ > 1 || (head_.http11 && hosts_ == 0) || !frame()) {
      return HeadResult::Malformed;
    }
    if (!lengths_ && !chunked_) {
      head_.framing = Framing::Length;
      head_.length = 0;
    }
    return HeadResult::Complete;
  }

  HeadResult response() {
    HeadResult result = version();
    if (result == HeadResult::Complete) {
      result = status();
    }
    if (result == HeadResult::Complete) {
      result = fields();
    }
    if (result != HeadResult::Complete) {
      return result;
    }
    if (!frame()) {
      return HeadResult::Malformed;
    }
    if (head_.status / 100 == 1 || head_.status == 204 || head_.status == 304) {
      head_.framing = Framing::Length;
      head_.length = 0;
    } else if (!lengths_ && !chunked_) {
      head_.framing = Framing::UntilClose;
      head_.keep_alive = false;
    }
    return HeadResult::Complete;
  }

 private:
  HeadResult method_and_target() {
    const char* const method = at_;
    while (at_ < end_ && is_token_character(*at_)) {
      ++at_;
    }
    if (at_ == end_) {
      return HeadResult::Incomplete;
    }
    if (at_ == method || *at_ != ' ') {
      return HeadResult::Malformed;
    }
    const char* const target = ++at_;
    while (at_ < end_ && *at_ > ' ' && *at_ != 0x7f) {
      ++at_;
    }
    if (at_ == end_) {
      return HeadResult::Incomplete;
    }
    if (at_ == target || *at_ != ' ') {
      return HeadResult::Malformed;
    }
    head_.start = span({method, target - 1}, {target, at_});
    ++at_;
    return HeadResult::Complete;
  }

  HeadResult version() {
    constexpr std::string_view kVersion = "HTTP/1.";
    const size_t some = std::min<size_t>(kVersion.size(), end_ - at_);
    if (std::memcmp(at_, kVersion.data(), some) != 0) {
      return HeadResult::Malformed;
    }
    at_ += some;
    if (at_ == end_) {
      return HeadResult::Incomplete;
    }
    if (*at_ != '0' && *at_ != '1') {
      return HeadResult::Malformed;
    }
    head_.http11 = *at_++ == '1';
    return HeadResult::Complete;
  }

  HeadResult status() {
    if (end_ - at_ < 5) {
      return HeadResult::Incomplete;
    }
    if (at_[0] != ' ' || at_[1] < '1' || at_[1] > '9' || !is_digit(at_[2]) || !is_digit(at_[3])) {
      return HeadResult::Malformed;
    }
    head_.status = (at_[1] - '0') * 100 + (at_[2] - '0') * 10 + (at_[3] - '0');
    at_ += 4;
    if (*at_ == ' ') {
      at_ = find_control(at_, end_);
    }
    return line_end();
  }

  HeadResult line_end() {
    if (at_ < end_ && *at_ != '\r') {
      return HeadResult::Malformed;
    }
    if (end_ - at_ < 2) {
      return HeadResult::Incomplete;
    }
    if (at_[1] != '\n') {
      return HeadResult::Malformed;
    }
    at_ += 2;
    return HeadResult::Complete;
  }

  HeadResult fields() {
    while (true) {
      if (at_ == end_) {
        return HeadResult::Incomplete;
      }
      if (*at_ == '\r') {
        const HeadResult result = line_end();
        head_.size = static_cast<size_t>(at_ - begin_);
        return result;
      }
      if (head_.fields.size() >= max_fields_) {
        return HeadResult::TooManyFields;
      }
      if (const HeadResult result = field(); result != HeadResult::Complete) {
        return result;
      }
    }
  }

  HeadResult field() {
    const char* const name = at_;
    at_ = skip_name_blocks(at_, end_);
    while (at_ < end_ && is_token_character(*at_)) {
      ++at_;
    }
    if (at_ == end_) {
      return HeadResult::Incomplete;
    }
    const char* const name_end = at_;
    if (name_end == name || *at_ != ':') {
      return HeadResult::Malformed;
    }
    ++at_;
    while (at_ < end_ && is_blank(*at_)) {
      ++at_;
    }
    const char* const value = at_;
    at_ = find_control(at_, end_);
    const char* value_end = at_;
    while (value_end > value && is_blank(value_end[-1])) {
      --value_end;
    }
    if (const HeadResult result = line_end(); result != HeadResult::Complete) {
      return result;
    }
    head_.fields.push_back(span({name, name_end}, {value, value_end}));
    const std::string_view called(name, name_end);
    head_.name_lengths_ |= uint64_t{1} << std::min<size_t>(called.size(), 63);
    return take(called, {value, value_end}) ? HeadResult::Complete : HeadResult::Malformed;
  }

  /// What the message itself needs of its fields; false when the value is not to be trusted.
  bool take(std::string_view name, std::string_view value) {
    switch (name.size()) {
      case 4:
        hosts_ += same_token(name, "host") ? 1 : 0;
        return true;
      case 6:
        head_.expect_continue = head_.expect_continue || (same_token(name, "expect") && value.size() == 12 &&
                                                          same_token(value, "100-continue"));
        return true;
      case 10:
        return !same_token(name, "connection") || take_connection(value);
      case 13:
        authorizations_ += same_token(name, "authorization") ? 1 : 0;
        return true;
      case 14:
        return !same_token(name, "content-length") || take_length(value);
      case 17:
        if (same_token(name, "transfer-encoding")) {
          const bool again = chunked_;
          chunked_ = true;
          return !again && same_token(value, "chunked");
        }
        return true;
      default:
        return true;
    }
  }

  bool take_connection(std::string_view value) {
    bool tokens = true;
    for_each_element(value, [&](std::string_view element) {
      tokens = tokens && std::all_of(element.begin(), element.end(), is_token_character);
      close_ = close_ || same_token(element, "close");
      stay_ = stay_ || same_token(element, "keep-alive");
    });
    return tokens;
  }

  bool take_length(std::string_view value) {
    // 18 digits fit into 64 bits, and no body has that many bytes.
    if (lengths_ || value.empty() || value.size() > 18) {
      return false;
    }
    lengths_ = true;
    head_.length = 0;
    for (const char c : value) {
      if (!is_digit(c)) {
        return false;
      }
      head_.length = head_.length * 10 + static_cast<uint64_t>(c - '0');
    }
    return true;
  }

  /// False when the length of the body is told twice.
  bool frame() {
    if (chunked_ && (lengths_ || !head_.http11)) {
      return false;
    }
    head_.framing = chunked_ ? Framing::Chunked : Framing::Length;
    head_.keep_alive = !close_ && (head_.http11 || stay_);
    return true;
  }

  struct Range {
    const char* begin;
    const char* end;
  };

  [[nodiscard]] FieldSpan span(Range name, Range value) const {
    return {static_cast<uint32_t>(name.begin - begin_), static_cast<uint32_t>(name.end - name.begin),
            static_cast<uint32_t>(value.begin - begin_), static_cast<uint32_t>(value.end - value.begin)};
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  size_t max_fields_;
  Head& head_;
  int hosts_ = 0;
  int authorizations_ = 0;
  bool close_ = false;
  bool stay_ = false;
  bool lengths_ = false;
  bool chunked_ = false;
};

HeadResult parse_request(std::string_view text, size_t max_fields, Head& head) {
  return HeadParser(text, max_fields, head).request();
}

HeadResult parse_response(std::string_view text, size_t max_fields, Head& head) {
  return HeadParser(text, max_fields, head).response();
}

std::optional<std::string_view> Head::find(std::string_view text, std::string_view name) const {
  if ((name_lengths_ & (uint64_t{1} << std::min<size_t>(name.size(), 63))) == 0) {
    return std::nullopt;
  }
  for (const FieldSpan& field : fields) {
    if (field.name_length == name.size() && same_token(field.name(text), name)) {
      return field.value(text);
    }
  }
  return std::nullopt;
}

// Setting bit 5 makes letters small and leaves digits, hyphen and slash as they are; what else would become
// one of these are control characters.
bool same_token(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) {
    return false;
  }
  const size_t size = a.size();
  if (size >= 8) {
    for (size_t i = 0; i + 8 < size; i += 8) {
      if (folded<uint64_t>(a.data() + i) != folded<uint64_t>(b.data() + i)) {
        return false;
      }
    }
    return folded<uint64_t>(a.data() + size - 8) == folded<uint64_t>(b.data() + size - 8);
  }
  if (size >= 4) {
    return folded<uint32_t>(a.data()) == folded<uint32_t>(b.data()) &&
           folded<uint32_t>(a.data() + size - 4) == folded<uint32_t>(b.data() + size - 4);
  }
  for (size_t i = 0; i < size; ++i) {
    if (folded<uint8_t>(a.data() + i) != folded<uint8_t>(b.data() + i)) {
      return false;
    }
  }
  return true;
}

}  // namespace catalyst::http
