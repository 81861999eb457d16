#include <span>
#include <vector>

#include "compiler/frontend/segment.h"
#include "compiler/frontend/token_kind.h"

// Targets: which tokens together are one.

namespace catalyst::frontend {
namespace {

struct Run {
  size_t end = 0;  // one past its last token
  bool dotted = false;
  bool starred = false;
};

/// The longest run of tokens from `i` that touch each other and can be part of a target.
Run target_run(const TokenList& list, size_t i) {
  Run run{i, false, false};
  size_t at = i;
  while (at < list.tokens.size()) {
    if (at > i && list.tokens[at].begin() != list.tokens[at - 1].end()) {
      break;
    }
    const size_t type = list.tokens[at].type();
    if (type == L::STRING_BEGIN) {
      size_t end = at + 1;
      while (type_at(list, end) == L::TEXT || type_at(list, end) == L::DOUBLE_BRACE) {
        ++end;
      }
      if (type_at(list, end) != L::STRING_END) {
        break;
      }
      at = end + 1;
    } else if (is_word(type) || type == L::STAR ||
               (at > i && (type == L::DOT || type == L::RANGE || type == L::MINUS || type == L::NUMBER ||
                           type == L::VERSION))) {
      run.dotted |= type == L::DOT || type == L::RANGE || type == L::NUMBER || type == L::VERSION;
      run.starred |= type == L::STAR;
      ++at;
    } else {
      break;
    }
    run.end = at;
  }
  return run;
}

enum class Place : uint8_t { None, Rule, Test, Expected, Window, Past };

/// `count(`, `given past`: what stands in front of a hook there is a name like others until a target
/// follows.
bool counts_past(std::string_view name) { return name == "count" || name == "sum" || name == "distinct"; }

/// Whether a target may stand in front of the token that would be kept next. `in_test`: in a `test`, where
/// `when call` goes on with a target; in a rule or route it is a condition.
Place place_after(std::string_view text, std::span<const Token> kept, bool in_test) {
  const auto back = [kept](size_t n) {
    return kept.size() >= n ? kept[kept.size() - n].type() : static_cast<size_t>(antlr4::Token::EOF);
  };
  const auto word = [&](size_t n) {
    const bool named = back(n) == L::IDENTIFIER;
    return named ? text.substr(kept[kept.size() - n].begin(),
                               kept[kept.size() - n].end() - kept[kept.size() - n].begin())
                 : std::string_view();
  };
  /// Of a hook whose first word is the `n`th token back.
  const auto head = [&](size_t n) {
    if (back(n + 1) == L::ON || (back(n + 1) == L::ANY && back(n + 2) == L::FOR)) {
      return Place::Rule;
    }
    if (back(n + 1) == L::LEFT_PAREN && counts_past(word(n + 2))) {
      return Place::Window;
    }
    if (back(n + 2) == L::GIVEN && word(n + 1) == "past") {
      return Place::Past;
    }
    return in_test && back(n + 1) == L::WHEN ? Place::Test : Place::None;
  };
  const auto expected = [](bool here) { return here ? Place::Expected : Place::None; };
  switch (back(1)) {
    case L::CALL:
      return back(2) == L::FOR ? Place::Rule : head(1);
    case L::RESULT:
    case L::READ:
    case L::PROMPT:
    case L::COMPLETE:
    case L::SAMPLE:
    case L::ELICIT:
    case L::ROOTS:
    case L::MESSAGE:
    case L::REPLY:
    case L::EVENT:
      return head(1);
    case L::TOOLS:
    case L::RESOURCES:
    case L::PROMPTS:
      return back(2) == L::LIST && back(3) != L::LEFT_PAREN && back(3) != L::IDENTIFIER ? head(2)
                                                                                        : Place::None;
    case L::TOOL:
      return expected(back(2) == L::HIDE);
    case L::COMMA:
      return expected(back(2) == L::TARGET);
    case L::FROM: {
      const bool of_hook =
          (back(2) == L::READ && head(2) != Place::None) || (back(2) == L::RESOURCES && back(3) == L::LIST);
      return expected(back(2) == L::TARGET || (back(2) == L::COMMA && back(3) == L::TARGET) || of_hook);
    }
    default:
      return Place::None;
  }
}

/// Follows where a `test` begins and ends.
class TestBlock {
 public:
  explicit TestBlock(std::string_view text) : text_(text) {}

  void take(const Token& token, size_t next) {
    const size_t type = token.type();
    const bool begins = type == L::TEST && next == L::STRING_BEGIN;
    // An unclosed test ends where the next declaration begins at the margin.
    const bool lost = begins_declaration(type) && (token.begin() == 0 || text_[token.begin() - 1] == '\n');
    if (lost || (begins && !inside_)) {
      inside_ = begins;
      depth_ = 0;
    } else if (type == L::LEFT_BRACE) {
      ++depth_;
    } else if (type == L::RIGHT_BRACE) {
      inside_ = inside_ && --depth_ > 0;
    }
  }
  [[nodiscard]] bool inside() const { return inside_; }

 private:
  std::string_view text_;
  bool inside_ = false;
  int depth_ = 0;
};

/// For every bracket whether a duration stands behind a `within` right inside of it, as in a window and in no
/// expression.
std::vector<bool> brackets_with_within(const TokenList& list) {
  std::vector<bool> out(list.tokens.size());
  std::vector<size_t> open;
  for (size_t i = 0; i < list.tokens.size(); ++i) {
    switch (type_at(list, i)) {
      case L::LEFT_PAREN:
      case L::LEFT_BRACKET:
      case L::OPTIONAL_BRACKET:
      case L::LEFT_BRACE:
      case L::INTERPOLATION_BEGIN:
        open.push_back(i);
        break;
      case L::RIGHT_PAREN:
      case L::RIGHT_BRACKET:
      case L::RIGHT_BRACE:
      case L::INTERPOLATION_END:
        if (!open.empty()) {
          open.pop_back();
        }
        break;
      case L::WITHIN:
        if (!open.empty() && type_at(list, i + 1) == L::NUMBER) {
          out[open.back()] = true;
        }
        break;
      default:
        break;
    }
  }
  return out;
}

/// `within`: it stands in the brackets around the place.
bool is_target(const TokenList& list, size_t i, const Run& run, Place place, bool within) {
  if (run.end == i) {
    return false;
  }
  const bool name = is_free_word(type_at(list, i));
  const bool quoted = type_at(list, i) == L::STRING_BEGIN;
  // In `count(message *x.y` and `count(message or-x.y` the hook's word may be a name, and what follows its
  // operator.
  const bool no_operator = name || quoted || (run.end > i + 1 && type_at(list, i + 1) == L::DOT);
  const size_t next = type_at(list, run.end);
  switch (place) {
    case Place::None:
      return false;
    case Place::Test:
      return run.dotted || quoted ||
             (name && (next == L::LEFT_BRACE || next == L::RETURNING || next == L::THEN));
    case Place::Window: {
      const bool lone_star = run.end == i + 1 && run.starred;
      const bool ends = next == L::COMMA || next == L::OF || next == L::BY || next == L::RIGHT_PAREN;
      if (!no_operator && !within && !(lone_star && ends)) {
        return false;
      }
      return run.dotted || run.starred || name || quoted;
    }
    case Place::Rule:
    case Place::Past:
      return run.dotted || run.starred || name || quoted;
    case Place::Expected:
      return type_at(list, i) != L::FROM;
  }
  return false;
}

/// With a target behind the hook, `count(call` begins a window and `given past call` tells of the past: the
/// name gets a type of its own.
void mark_past(std::string_view text, std::span<Token> kept) {
  const size_t hook = kept.size() - (kept.back().type() == L::FROM ? 2 : 1);
  if (hook < 2 || hook >= kept.size()) {
    return;
  }
  const auto word = [&](size_t i) {
    return kept[i].type() == L::IDENTIFIER ? text.substr(kept[i].begin(), kept[i].end() - kept[i].begin())
                                           : std::string_view();
  };
  if (kept[hook - 1].type() == L::LEFT_PAREN && counts_past(word(hook - 2))) {
    kept[hook - 2].set_type(L::WINDOW);
  } else if (kept[hook - 2].type() == L::GIVEN && word(hook - 1) == "past") {
    kept[hook - 1].set_type(L::PAST);
  }
}

}  // namespace

void merge_targets(std::string_view text, TokenList& list) {
  std::vector<Token>& tokens = list.tokens;
  const std::vector<bool> within = brackets_with_within(list);
  TestBlock test(text);
  size_t kept = 0;  // tokens that stay stand in front, those to be looked at from i on
  for (size_t i = 0; i < tokens.size();) {
    Token token = tokens[i];
    test.take(token, type_at(list, i + 1));
    const Place place = place_after(text, {tokens.data(), kept}, test.inside());
    size_t next = i + 1;
    if (place != Place::None) {
      const Run run = target_run(list, i);
      const bool touches = tokens[kept - 1].end() == token.begin();
      const bool expression = place == Place::Test || place == Place::Window || place == Place::Past;
      // A window's hook stands right behind its bracket.
      const bool windowed = place == Place::Window && within[i - 2];
      if (!(expression && touches) && is_target(list, i, run, place, windowed)) {
        token.set_type(L::TARGET);
        token.set_end(tokens[run.end - 1].end());
        next = run.end;
        mark_past(text, {tokens.data(), kept});
      }
    }
    tokens[kept++] = token;
    i = next;
  }
  tokens.resize(kept, Token(0, 0, 0, 0));
}

}  // namespace catalyst::frontend
