// The scanner works by blocks and words; here it is held to what the same says byte by byte.

#include "runtime/decision/scan.h"

#include <gtest/gtest.h>

#include <charconv>
#include <random>
#include <string>
#include <vector>

namespace catalyst::decision {
namespace {

class Maker {
 public:
  explicit Maker(uint32_t seed) : random_(seed) {}
  size_t number(size_t below) { return random_() % below; }

  std::string value(int depth) {
    switch (number(depth > 0 ? 6 : 4)) {
      case 0:
        return "\"" + text() + "\"";
      case 1:
        return std::to_string(number(100'000));
      case 2:
        return number(2) == 0 ? "true" : "null";
      case 3:
        return "-1.5e3";
      case 4:
        return container(depth, '[', ']');
      default:
        return container(depth, '{', '}');
    }
  }

  std::string container(int depth, char open, char close) {
    std::string out(1, open);
    const size_t count = number(6);
    for (size_t i = 0; i < count; ++i) {
      out += i > 0 ? ", " : "";
      out += open == '{' ? "\"" + text() + "\" : " : "";
      out += value(depth - 1);
    }
    return out + close;
  }

  /// Mostly plain, of any length around a block.
  std::string text() {
    const char* const rare[] = {"\\\"", "\\\\", "\\u00e9", "{", "]", "\xc3\xa9", "'", "}"};
    std::string out;
    for (size_t left = number(number(8) == 0 ? 200 : 20); left > 0; --left) {
      out += number(40) == 0 ? std::string(rare[number(8)])
                             : std::string(1, static_cast<char>('a' + number(26)));
    }
    return out;
  }

 private:
  std::mt19937 random_;
};

/// A copy without a byte to spare on either side, so that a sanitizer sees each step outside.
std::vector<char> exactly(const std::string& text) { return {text.begin(), text.end()}; }

TEST(Scan, StringsEndAtTheFirstQuoteThatIsNotEscaped) {
  Maker make(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string text = "\"" + make.text();
    const bool is_closed = make.number(10) != 0;
    text += is_closed ? "\"" + std::string(make.number(80), ' ') : "";
    if (text.size() > 1 && make.number(20) == 0) {
      text[1 + make.number(text.size() - 1)] = '\n';
    }
    size_t end = 1;
    bool is_good = true;
    bool escaped = false;
    while (end < text.size() && text[end] != '"' && is_good) {
      is_good = static_cast<unsigned char>(text[end]) >= 0x20;
      const bool is_escape = text[end] == '\\';
      const size_t length = !is_escape ? 1 : end + 1 < text.size() && text[end + 1] == 'u' ? 6 : 2;
      for (size_t k = 1; k < length && is_good; ++k) {
        is_good = end + k < text.size() && static_cast<unsigned char>(text[end + k]) >= 0x20;
      }
      escaped = escaped || is_escape;
      end += length;
    }
    is_good = is_good && end < text.size();
    const std::vector<char> bytes = exactly(text);
    JsonScanner in({bytes.data(), bytes.size()}, 8);
    JsonScanner::Text found;
    in.peek();
    if (text.find('\n') != std::string::npos && escaped) {
      continue;  // the oracle does not look into the digits of an escape
    }
    ASSERT_EQ(in.string(&found), is_good) << text;
    if (is_good) {
      EXPECT_EQ(found.raw, text.substr(1, end - 1));
      EXPECT_EQ(found.escaped, escaped);
      EXPECT_EQ(in.position(), bytes.data() + end + 1);
    }
  }
}

TEST(Scan, AShortIntegerIsReadAsAWholeOrNotAtAll) {
  Maker make(2);
  const char* const ends[] = {",", "}", " ", ".5", "e3", "E3", "", "]", "x", "-", ":"};
  for (int i = 0; i < 50'000; ++i) {
    std::string digits;
    for (size_t left = 1 + make.number(18); left > 0; --left) {
      digits += static_cast<char>('0' + make.number(10));
    }
    const std::string end = ends[make.number(11)];
    const std::string text = digits + end + std::string(make.number(30), ' ');
    const std::vector<char> bytes = exactly(text);
    JsonScanner in({bytes.data(), bytes.size()}, 8);
    int64_t number = -1;
    in.peek();
    const bool read = in.short_integer(&number);
    const bool is_plain = digits.size() <= 16 && (digits.size() == 1 || digits[0] != '0') && end[0] != '.' &&
                          end[0] != 'e' && end[0] != 'E';
    EXPECT_TRUE(!read || is_plain) << text;
    EXPECT_EQ(read, is_plain && text.size() > 16) << text;
    int64_t expected = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), expected);
    EXPECT_EQ(number, read ? expected : -1) << text;
    EXPECT_EQ(in.position(), bytes.data() + (read ? digits.size() : 0)) << text;
  }
  JsonScanner minus("-12345,            ", 8);
  int64_t number = 0;
  EXPECT_FALSE(minus.short_integer(&number));
}

TEST(Scan, TruthIsReadAsAWholeOrNotAtAll) {
  for (const std::string_view text :
       {"true ", "false", "true,", "falsy", "trues", "tru  ", "null ", "false]"}) {
    JsonScanner in(text, 8);
    bool truth = false;
    const bool is_true = text.starts_with("true");
    const bool is_false = text.starts_with("false");
    EXPECT_EQ(in.truth(&truth), is_true || is_false) << text;
    EXPECT_EQ(truth, is_true) << text;
    EXPECT_EQ(in.position() - text.data(), is_true ? 4 : is_false ? 5 : 0) << text;
  }
}

}  // namespace
}  // namespace catalyst::decision
