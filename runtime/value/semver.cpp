#include "runtime/value/semver.h"

#include <algorithm>
#include <charconv>

namespace catalyst::value {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-'; }

std::optional<uint64_t> number(std::string_view text) {
  uint64_t x = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), x);
  const bool whole = problem == std::errc() && end == text.data() + text.size() && !text.empty();
  return whole && (text.size() == 1 || text[0] != '0') ? std::optional(x) : std::nullopt;
}

/// Cuts off the text up to `separator`, which goes, too.
std::string_view cut(std::string_view& rest, char separator) {
  const size_t at = rest.find(separator);
  const std::string_view out = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
  return out;
}

bool is_dotted(std::string_view text, bool no_leading_zeros) {
  while (!text.empty()) {
    const bool more = text.find('.') != std::string_view::npos;
    const std::string_view part = cut(text, '.');
    const bool numeric = std::all_of(part.begin(), part.end(), is_digit);
    if (part.empty() || !std::all_of(part.begin(), part.end(), is_word) || (more && text.empty()) ||
        (no_leading_zeros && numeric && part.size() > 1 && part[0] == '0')) {
      return false;
    }
  }
  return true;
}

/// A version of which the end may be missing or a wildcard.
struct Partial {
  Semver version;
  int given = 0;  // parts that are numbers
};

std::optional<Partial> parse_partial(std::string_view text) {
  Partial out;
  if (text.starts_with('v') || text.starts_with('=')) {
    text.remove_prefix(1);
  }
  const size_t plus = text.find('+');
  if (plus != std::string_view::npos) {
    if (plus + 1 == text.size() || !is_dotted(text.substr(plus + 1), false)) {
      return std::nullopt;
    }
    text = text.substr(0, plus);
  }
  const size_t dash = text.find('-');
  if (dash != std::string_view::npos) {
    out.version.prerelease = text.substr(dash + 1);
    text = text.substr(0, dash);
    if (out.version.prerelease.empty() || !is_dotted(out.version.prerelease, true)) {
      return std::nullopt;
    }
  }
  if (text.empty()) {
    return std::nullopt;
  }
  bool wild = false;
  for (int i = 0; !text.empty(); i++) {
    const bool more = text.find('.') != std::string_view::npos;
    const std::string_view part = cut(text, '.');
    if (i == 3 || (more && text.empty())) {
      return std::nullopt;
    }
    if (part == "x" || part == "X" || part == "*") {
      wild = true;
      continue;
    }
    const std::optional<uint64_t> x = number(part);
    if (!x || wild) {
      return std::nullopt;
    }
    out.version.parts[static_cast<size_t>(i)] = *x;
    out.given = i + 1;
  }
  return out.version.prerelease.empty() || out.given == 3 ? std::optional(out) : std::nullopt;
}

std::strong_ordering compare_prerelease(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) {
    return a.empty() && b.empty() ? std::strong_ordering::equal
           : a.empty()            ? std::strong_ordering::greater
                                  : std::strong_ordering::less;
  }
  while (!a.empty() && !b.empty()) {
    const std::string_view x = cut(a, '.');
    const std::string_view y = cut(b, '.');
    const bool x_number = std::all_of(x.begin(), x.end(), is_digit);
    const bool y_number = std::all_of(y.begin(), y.end(), is_digit);
    std::strong_ordering order = x <=> y;
    if (x_number && y_number) {
      order = x.size() != y.size() ? x.size() <=> y.size() : x <=> y;  // no leading zeros, any length
    } else if (x_number != y_number) {
      order = x_number ? std::strong_ordering::less : std::strong_ordering::greater;
    }
    if (order != 0) {
      return order;
    }
  }
  return a.empty() && b.empty() ? std::strong_ordering::equal
         : a.empty()            ? std::strong_ordering::less
                                : std::strong_ordering::greater;
}

/// One alternative of a range: at least `from`, below or at most `to`. Grows tighter with each condition.
class Interval {
 public:
  explicit Interval(const Semver& version) : version_(version) {}

  /// False when the text is no condition.
  bool condition(std::string_view text) {
    std::string_view op;
    for (const std::string_view each : {">=", "<=", ">", "<", "^", "~"}) {
      if (text.starts_with(each)) {
        op = each;
        break;
      }
    }
    text.remove_prefix(op.size());
    const std::optional<Partial> partial = parse_partial(text);
    if (!partial) {
      return false;
    }
    apply(op, *partial);
    return true;
  }

  bool span(std::string_view from, std::string_view to) {
    const std::optional<Partial> a = parse_partial(from);
    const std::optional<Partial> b = parse_partial(to);
    if (!a || !b) {
      return false;
    }
    at_least(a->version);
    apply("<=", *b);
    return true;
  }

  /// Pre-releases fit only where they are asked for.
  [[nodiscard]] bool holds() const { return holds_ && (version_.prerelease.empty() || named_); }

 private:
  void apply(std::string_view op, const Partial& p) {
    named_ |= !p.version.prerelease.empty() && p.version.parts == version_.parts;
    if (p.given == 0) {
      holds_ &= op != ">" && op != "<";  // nothing is beyond everything
      return;
    }
    // The part to count up for the first version behind: 1.2 covers all of 1.2.x.
    const size_t last = static_cast<size_t>(p.given) - 1;
    if (op == ">=") {
      at_least(p.version);
    } else if (op == "<") {
      below(p.version);
    } else if (op == ">") {
      if (p.given == 3) {
        holds_ &= compare_semver(version_, p.version) > 0;
      } else {
        at_least(after(p.version, last));
      }
    } else if (op == "<=") {
      if (p.given == 3) {
        holds_ &= compare_semver(version_, p.version) <= 0;
      } else {
        below(after(p.version, last));
      }
    } else if (op == "^") {
      size_t fixed = 0;
      while (fixed < last && p.version.parts[fixed] == 0) {
        fixed++;
      }
      at_least(p.version);
      below(after(p.version, fixed));
    } else if (op == "~") {
      at_least(p.version);
      below(after(p.version, std::min<size_t>(last, 1)));
    } else if (p.given == 3) {
      holds_ &= compare_semver(version_, p.version) == 0;
    } else {
      at_least(p.version);
      below(after(p.version, last));
    }
  }

  static Semver after(const Semver& v, size_t part) {
    Semver out;
    for (size_t i = 0; i < part; i++) {
      out.parts[i] = v.parts[i];
    }
    out.parts[part] = v.parts[part] == UINT64_MAX ? UINT64_MAX : v.parts[part] + 1;
    // Its pre-releases lie behind the range, too.
    out.prerelease = "0";
    return out;
  }
  void at_least(const Semver& v) { holds_ &= compare_semver(version_, v) >= 0; }
  void below(const Semver& v) { holds_ &= compare_semver(version_, v) < 0; }

  const Semver& version_;
  bool holds_ = true;
  bool named_ = false;
};

std::string_view next_word(std::string_view& rest) {
  const size_t begin = std::min(rest.find_first_not_of(" \t"), rest.size());
  size_t end = std::min(rest.find_first_of(" \t", begin), rest.size());
  // An operator may stand apart from its version.
  const std::string_view word = rest.substr(begin, end - begin);
  if (!word.empty() && word.find_first_not_of("<>=^~") == std::string_view::npos) {
    const size_t version = std::min(rest.find_first_not_of(" \t", end), rest.size());
    end = std::min(rest.find_first_of(" \t", version), rest.size());
  }
  const std::string_view out = rest.substr(begin, end - begin);
  rest.remove_prefix(end);
  return out;
}

/// The version of a condition whose operator stood apart: blanks between them go.
bool add_condition(Interval& interval, std::string_view word, char (&buffer)[300]) {
  if (word.find_first_of(" \t") == std::string_view::npos) {
    return interval.condition(word);
  }
  size_t n = 0;
  for (const char c : word) {
    if (c != ' ' && c != '\t') {
      if (n == sizeof buffer) {
        return false;
      }
      buffer[n++] = c;
    }
  }
  return interval.condition({buffer, n});
}

}  // namespace

std::optional<Semver> parse_semver(std::string_view text) noexcept {
  const std::optional<Partial> partial = text.starts_with('=') ? std::nullopt : parse_partial(text);
  return partial && partial->given == 3 ? std::optional(partial->version) : std::nullopt;
}

std::strong_ordering compare_semver(const Semver& a, const Semver& b) noexcept {
  const auto order =
      std::lexicographical_compare_three_way(a.parts.begin(), a.parts.end(), b.parts.begin(), b.parts.end());
  return order != 0 ? order : compare_prerelease(a.prerelease, b.prerelease);
}

std::optional<bool> semver_in_range(const Semver& version, std::string_view range) noexcept {
  bool any = false;
  for (bool more = true; more;) {
    const size_t bars = range.find("||");
    std::string_view alternative = range.substr(0, bars);
    more = bars != std::string_view::npos;
    range = more ? range.substr(bars + 2) : std::string_view();
    Interval interval(version);
    for (std::string_view word = next_word(alternative); !word.empty();) {
      std::string_view ahead = alternative;
      const std::string_view next = next_word(ahead);
      bool fits = false;
      if (next == "-") {
        fits = interval.span(word, next_word(ahead));
        alternative = ahead;
      } else {
        char buffer[300];
        fits = add_condition(interval, word, buffer);
      }
      if (!fits) {
        return std::nullopt;
      }
      word = next_word(alternative);
    }
    any |= interval.holds();
  }
  return any;
}

}  // namespace catalyst::value
