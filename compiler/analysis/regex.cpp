#include <algorithm>
#include <utility>

#include "compiler/analysis/nfa.h"

// The part of RE2's syntax whose language is built here. Whatever else there is makes the pattern opaque.

namespace catalyst::analysis {
namespace {

struct Range {
  uint32_t low;
  uint32_t high;
};
using Ranges = std::vector<Range>;

constexpr uint32_t kLastPoint = 0x10FFFF;
constexpr int kRepeatMax = 200;
constexpr int kDepthMax = 100;

Ranges complement(Ranges ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.low < b.low; });
  Ranges out;
  uint32_t next = 0;
  for (const Range& range : ranges) {
    if (range.low > next) {
      out.push_back({next, range.low - 1});
    }
    next = std::max(next, range.high + 1);
  }
  if (next <= kLastPoint) {
    out.push_back({next, kLastPoint});
  }
  return out;
}

const Ranges& perl_class(char name) {
  static const Ranges kDigit = {{'0', '9'}};
  static const Ranges kWord = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
  static const Ranges kSpace = {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}};
  return name == 'd' ? kDigit : (name == 'w' ? kWord : kSpace);
}

/// A piece of the automaton between two states.
struct Piece {
  uint32_t begin;
  uint32_t end;
};

class RegexParser {
 public:
  explicit RegexParser(std::string_view text) : text_(text) {}

  std::optional<Automaton> run() {
    const uint32_t start = nfa_.add();
    nfa_.edge(start, 0, 255, start);
    const Piece all = alternatives();
    if (failed_ || at_ != text_.size() || nfa_.too_large()) {
      return std::nullopt;
    }
    nfa_.step(start, all.begin);
    // Once found, the rest is free: the final state keeps itself.
    const uint32_t final = nfa_.add();
    nfa_.step(all.end, final);
    nfa_.edge(final, 0, 255, final);
    return nfa_.determinise(start, final);
  }

 private:
  [[nodiscard]] bool more() const { return !failed_ && at_ < text_.size(); }
  [[nodiscard]] char peek() const { return text_[at_]; }
  bool take(std::string_view word) {
    if (text_.substr(at_).starts_with(word)) {
      at_ += word.size();
      return true;
    }
    return false;
  }
  Piece fail() {
    failed_ = true;
    return empty();
  }
  Piece empty() {
    const uint32_t state = nfa_.add();
    return {state, state};
  }

  Piece alternatives() {
    if (++depth_ > kDepthMax) {
      return fail();
    }
    const bool outer_fold = fold_;
    const bool outer_dot = dot_all_;
    Piece out{nfa_.add(), nfa_.add()};
    do {
      const Piece one = sequence();
      nfa_.step(out.begin, one.begin);
      nfa_.step(one.end, out.end);
    } while (more() && take("|"));
    fold_ = outer_fold;
    dot_all_ = outer_dot;
    --depth_;
    return out;
  }

  Piece sequence() {
    Piece out = empty();
    while (more() && peek() != '|' && peek() != ')') {
      const Piece next = repeated();
      nfa_.step(out.end, next.begin);
      out.end = next.end;
    }
    return out;
  }

  Piece repeated() {
    const size_t begin = at_;
    const bool fold = fold_;
    const bool dot = dot_all_;
    Piece piece = atom();
    while (more()) {
      int low = 0;
      int high = -1;  // no bound
      if (take("*")) {
        low = 0;
      } else if (take("+")) {
        low = 1;
      } else if (take("?")) {
        high = 1;
      } else if (!bounds(&low, &high)) {
        break;
      }
      take("?");  // lazy: finds another match, accepts the same texts
      const size_t after = at_;
      int again = 0;
      if (more() && (peek() == '*' || peek() == '+' || peek() == '?' || bounds(&again, &again))) {
        return fail();
      }
      at_ = after;
      piece = repeat(begin, fold, dot, low, high);
      break;
    }
    return piece;
  }

  bool bounds(int* low, int* high) {
    size_t at = at_;
    if (at >= text_.size() || text_[at] != '{') {
      return false;
    }
    const auto number = [&](int* out) {
      const size_t first = ++at;
      for (*out = 0; at < text_.size() && text_[at] >= '0' && text_[at] <= '9' && *out <= kRepeatMax; ++at) {
        *out = *out * 10 + (text_[at] - '0');
      }
      return at > first;
    };
    if (!number(low)) {
      return false;
    }
    *high = *low;
    if (at < text_.size() && text_[at] == ',') {
      if (!number(high)) {
        *high = -1;
      }
    }
    if (at >= text_.size() || text_[at] != '}' || *low > kRepeatMax || *high > kRepeatMax) {
      failed_ = failed_ || *low > kRepeatMax || *high > kRepeatMax;
      return false;
    }
    at_ = at + 1;
    return true;
  }

  /// Reads the atom at `begin` again for every copy that is needed.
  Piece repeat(size_t begin, bool fold, bool dot, int low, int high) {
    const size_t after = at_;
    const auto copy = [&] {
      at_ = begin;
      const bool own_fold = std::exchange(fold_, fold);
      const bool own_dot = std::exchange(dot_all_, dot);
      const Piece one = atom();
      fold_ = own_fold;
      dot_all_ = own_dot;
      at_ = after;
      return one;
    };
    Piece out = empty();
    for (int i = 0; i < low && !nfa_.too_large(); ++i) {
      const Piece one = copy();
      nfa_.step(out.end, one.begin);
      out.end = one.end;
    }
    if (high < 0) {
      const Piece loop = copy();
      const uint32_t done = nfa_.add();
      nfa_.step(out.end, loop.begin);
      nfa_.step(out.end, done);
      nfa_.step(loop.end, loop.begin);
      nfa_.step(loop.end, done);
      return {out.begin, done};
    }
    const uint32_t done = nfa_.add();
    for (int i = low; i < high && !nfa_.too_large(); ++i) {
      nfa_.step(out.end, done);
      const Piece one = copy();
      nfa_.step(out.end, one.begin);
      out.end = one.end;
    }
    nfa_.step(out.end, done);
    return {out.begin, done};
  }

  Piece atom() {
    const char c = text_[at_];
    switch (c) {
      case '(':
        return group();
      case '[':
        return bracket();
      case '.':
        ++at_;
        return points(dot_all_ ? Ranges{{0, kLastPoint}} : complement({{'\n', '\n'}}));
      case '^':
        ++at_;
        return assertion(Nfa::Assertion::Begin);
      case '$':
        ++at_;
        return assertion(Nfa::Assertion::End);
      case '\\':
        return escape();
      case '*':
      case '+':
      case '?':
        return fail();
      default:
        return character(code_point());
    }
  }

  Piece assertion(Nfa::Assertion which) {
    const Piece out{nfa_.add(), nfa_.add()};
    nfa_.step(out.begin, out.end, which);
    return out;
  }

  Piece points(const Ranges& ranges) {
    const Piece out{nfa_.add(), nfa_.add()};
    for (const Range& range : ranges) {
      nfa_.code_points(out.begin, range.low, range.high, out.end);
    }
    return out;
  }

  /// Other cases of ASCII letters, as Unicode has them: k and s have a third form each.
  static void add_folded(Ranges& ranges, uint32_t low, uint32_t high) {
    for (uint32_t c = std::max<uint32_t>(low, 'A'); c <= std::min<uint32_t>(high, 'z'); ++c) {
      const uint32_t lower = c | 0x20;
      if (lower < 'a' || lower > 'z' || (c > 'Z' && c < 'a')) {
        continue;
      }
      ranges.push_back({lower, lower});
      ranges.push_back({lower & ~0x20u, lower & ~0x20u});
      if (lower == 'k') {
        ranges.push_back({0x212A, 0x212A});
      }
      if (lower == 's') {
        ranges.push_back({0x17F, 0x17F});
      }
    }
  }

  Piece character(uint32_t point) {
    Ranges ranges = {{point, point}};
    if (fold_) {
      if (point >= 0x80) {
        return fail();
      }
      add_folded(ranges, point, point);
    }
    return points(ranges);
  }

  uint32_t code_point() {
    const auto lead = static_cast<uint8_t>(text_[at_++]);
    if (lead < 0x80) {
      return lead;
    }
    const int rest = lead >= 0xF0 ? 3 : (lead >= 0xE0 ? 2 : 1);
    uint32_t point = lead & (0x3Fu >> rest);
    for (int i = 0; i < rest && at_ < text_.size(); ++i) {
      point = point << 6 | (static_cast<uint8_t>(text_[at_++]) & 63);
    }
    return point;
  }

  Piece group() {
    ++at_;
    const bool outer_fold = fold_;
    const bool outer_dot = dot_all_;
    if (take("?")) {
      if (take("P<") || take("<")) {
        const size_t close = text_.find('>', at_);
        if (close == std::string_view::npos) {
          return fail();
        }
        at_ = close + 1;
      } else if (!flags()) {
        return fail();
      } else if (take(")")) {
        return empty();  // (?i): for the rest of the group around it
      } else if (!take(":")) {
        return fail();
      }
    }
    const Piece out = alternatives();
    fold_ = outer_fold;
    dot_all_ = outer_dot;
    return take(")") ? out : fail();
  }

  bool flags() {
    bool on = true;
    for (; more() && peek() != ')' && peek() != ':'; ++at_) {
      switch (peek()) {
        case '-':
          on = false;
          break;
        case 'i':
          fold_ = on;
          break;
        case 's':
          dot_all_ = on;
          break;
        default:
          return false;
      }
    }
    return more();
  }

  Piece escape() {
    ++at_;
    if (at_ >= text_.size()) {
      return fail();
    }
    switch (text_[at_]) {
      case 'b':
        ++at_;
        return assertion(Nfa::Assertion::WordBoundary);
      case 'B':
        ++at_;
        return assertion(Nfa::Assertion::NotWordBoundary);
      case 'A':
        ++at_;
        return assertion(Nfa::Assertion::Begin);
      case 'z':
        ++at_;
        return assertion(Nfa::Assertion::End);
      default:
        break;
    }
    Ranges ranges;
    uint32_t point = 0;
    if (perl(&ranges)) {
      return points(ranges);
    }
    return escaped(&point) ? character(point) : fail();
  }

  bool perl(Ranges* out) {
    const char c = text_[at_];
    switch (c) {
      case 'd':
      case 'w':
      case 's':
        ++at_;
        *out = perl_class(c);
        return true;
      case 'D':
      case 'W':
      case 'S':
        ++at_;
        *out = complement(perl_class(static_cast<char>(c | 0x20)));
        return true;
      default:
        return false;
    }
  }

  /// The character that an escape stands for; at_ is behind the backslash.
  bool escaped(uint32_t* point) {
    const char c = text_[at_++];
    switch (c) {
      case 'n':
        *point = '\n';
        return true;
      case 't':
        *point = '\t';
        return true;
      case 'r':
        *point = '\r';
        return true;
      case 'f':
        *point = '\f';
        return true;
      case 'v':
        *point = '\v';
        return true;
      default:
        *point = static_cast<uint8_t>(c);
        return *point < 0x80 && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z');
    }
  }

  Piece bracket() {
    ++at_;
    const bool negated = take("^");
    Ranges ranges;
    for (bool first = true; more() && (first || peek() != ']'); first = false) {
      if (!bracket_item(ranges)) {
        return fail();
      }
    }
    if (!take("]")) {
      return fail();
    }
    return points(negated ? complement(ranges) : ranges);
  }

  bool bracket_item(Ranges& ranges) {
    if (text_.substr(at_).starts_with("[:")) {
      return false;
    }
    uint32_t low = 0;
    if (take("\\")) {
      Ranges perl_ranges;
      if (at_ < text_.size() && perl(&perl_ranges)) {
        ranges.insert(ranges.end(), perl_ranges.begin(), perl_ranges.end());
        return true;
      }
      if (at_ >= text_.size() || !escaped(&low)) {
        return false;
      }
    } else {
      low = code_point();
    }
    uint32_t high = low;
    if (at_ + 1 < text_.size() && text_[at_] == '-' && text_[at_ + 1] != ']') {
      ++at_;
      if (take("\\")) {
        if (at_ >= text_.size() || !escaped(&high)) {
          return false;
        }
      } else {
        high = code_point();
      }
    }
    if (high < low || (fold_ && high >= 0x80)) {
      return false;
    }
    ranges.push_back({low, high});
    if (fold_) {
      add_folded(ranges, low, high);
    }
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
  bool failed_ = false;
  bool fold_ = false;
  bool dot_all_ = false;
  Nfa nfa_;
};

}  // namespace

std::optional<Automaton> regex_automaton(std::string_view pattern) { return RegexParser(pattern).run(); }

}  // namespace catalyst::analysis
