#include "compiler/frontend/segment.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "grammar/CatalystLexer.h"

namespace catalyst::frontend {
namespace {

using diagnostics::Kind;
using L = grammar::CatalystLexer;

bool is_word(size_t type) { return type == L::IDENTIFIER || (type >= L::PACK && type <= L::MAP); }

bool begins_declaration(size_t type) { return type >= L::PACK && type <= L::TEST; }

/// Words that mean something in a route alone (the parser's rule `word`).
bool is_free_word(size_t type) { return type == L::IDENTIFIER || (type >= L::TO && type <= L::REPEATABLE); }

/// Words that can name a declaration (the parser's rule `name`).
bool is_name(size_t type) {
  switch (type) {
    case L::SCHEMA:
    case L::FROM:
    case L::EXPECT:
    case L::CALL:
    case L::RESULT:
    case L::TOOLS:
    case L::TOOL:
    case L::RESOURCES:
    case L::PROMPTS:
    case L::READ:
    case L::PROMPT:
    case L::COMPLETE:
    case L::SAMPLE:
    case L::ELICIT:
    case L::ROOTS:
    case L::SESSION:
    case L::REPLY:
    case L::EVENT:
    case L::LIMIT:
    case L::PER:
    case L::BURST:
    case L::REQUIRE:
    case L::WITHIN:
    case L::EMIT:
    case L::START:
    case L::LABEL:
    case L::TAG:
    case L::METADATA:
    case L::FULL:
    case L::HIDDEN_:
    case L::LISTED:
    case L::REDACTED:
    case L::ERROR:
    case L::MESSAGE:
    case L::MAP:
    case L::TABLE:
    case L::CASES:
    case L::PRIORITY:
    case L::WHERE:
    case L::DESCRIBE:
      return true;
    default:
      return is_free_word(type) || (begins_declaration(type) && type != L::FN);
  }
}

size_t type_at(const TokenList& list, size_t i) {
  return i < list.tokens.size() ? list.tokens[i].type() : static_cast<size_t>(antlr4::Token::EOF);
}

// ---- targets
// --------------------------------------------------------------------------------------------------------

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

/// Whether a target may stand in front of the token that would be kept next.
Place place_after(std::string_view text, std::span<const Token> kept) {
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
    return back(n + 1) == L::WHEN ? Place::Test : Place::None;
  };
  const auto expected = [](bool here) { return here ? Place::Expected : Place::None; };
  switch (back(1)) {
    case L::CALL:
      return back(2) == L::FOR ? Place::Rule : hook_head(back(2));
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

bool is_target(const TokenList& list, size_t i, const Run& run, Place place) {
  if (run.end == i) {
    return false;
  }
  const bool name = is_free_word(type_at(list, i));
  const bool quoted = type_at(list, i) == L::STRING_BEGIN;
  const size_t next = type_at(list, run.end);
  switch (place) {
    case Place::None:
      return false;
    case Place::Test:
      // In a rule `when call.args...` or `when result contains "x"` is a condition.
      return run.dotted || quoted ||
             (name && (next == L::LEFT_BRACE || next == L::RETURNING || next == L::THEN));
    case Place::Rule:
    case Place::Window:
    case Place::Past:
      return run.dotted || run.starred || name || quoted;
    case Place::Expected:
      return type_at(list, i) != L::FROM;
  }
  return false;
}

}  // namespace

void merge_targets(std::string_view text, TokenList& list) {
  std::vector<Token>& tokens = list.tokens;
  size_t kept = 0;  // tokens that stay stand in front, those to be looked at from i on
  for (size_t i = 0; i < tokens.size();) {
    const Place place = place_after(text, {tokens.data(), kept});
    Token token = tokens[i];
    size_t next = i + 1;
    if (place != Place::None) {
      const Run run = target_run(list, i);
      const bool touches = tokens[kept - 1].end() == token.begin();
      const bool expression = place == Place::Test || place == Place::Window || place == Place::Past;
      if (!(expression && touches) && is_target(list, i, run, place)) {
        token.set_type(L::TARGET);
        token.set_end(tokens[run.end - 1].end());
        next = run.end;
        if (place == Place::Window) {
          tokens[kept - 3].set_type(L::WINDOW);
        } else if (place == Place::Past) {
          tokens[kept - 2].set_type(L::PAST);
        }
      }
    }
    tokens[kept++] = token;
    i = next;
  }
  tokens.resize(kept, Token(0, 0, 0, 0));
}

// ---- rows
// -----------------------------------------------------------------------------------------------------------

namespace {

/// Follows the brackets of one table. `take` answers whether a row ends in front of the token.
class TableRows {
 public:
  bool take(const Token& token, const Token& previous) {
    const size_t type = token.type();
    const bool new_line = token.line() != previous.line();
    const bool ends = depth_ == 1 && new_line && type != L::RIGHT_BRACE && !joins(type) &&
                      !joins(previous.type()) && previous.type() != L::LEFT_BRACE;
    if (type == L::LEFT_BRACE || type == L::LEFT_PAREN || type == L::LEFT_BRACKET ||
        type == L::OPTIONAL_BRACKET || type == L::INTERPOLATION_BEGIN) {
      ++depth_;
    } else if (type == L::RIGHT_BRACE || type == L::RIGHT_PAREN || type == L::RIGHT_BRACKET ||
               type == L::INTERPOLATION_END) {
      --depth_;
    }
    return ends;
  }
  [[nodiscard]] bool closed() const { return depth_ <= 0; }

 private:
  static bool joins(size_t type) { return type == L::PIPE || type == L::FAT_ARROW || type == L::COMMA; }
  int depth_ = 0;
};

}  // namespace

void mark_rows(std::string_view text, TokenList& list) {
  const auto opens = [&list](size_t i) {
    return type_at(list, i) == L::LEFT_BRACE && i > 1 &&
           (type_at(list, i - 1) == L::CASES ||
            (type_at(list, i - 2) == L::TABLE && is_word(type_at(list, i - 1))));
  };
  std::vector<std::pair<size_t, Token>> ends;  // each in front of the token of that index
  std::optional<TableRows> table;
  for (size_t i = 1; i < list.tokens.size(); ++i) {
    const Token& token = list.tokens[i];
    const Token& previous = list.tokens[i - 1];
    // An unclosed table ends where the next declaration begins at the margin.
    const bool lost = begins_declaration(token.type()) && text[token.begin() - 1] == '\n';
    if (opens(i)) {
      table.emplace();
    } else if (lost) {
      table.reset();
    }
    if (table && table->take(token, previous)) {
      ends.emplace_back(i, Token(L::ROW_END, previous.end(), previous.end(), previous.line()));
    }
    if (table && table->closed()) {
      table.reset();
    }
  }
  if (ends.empty()) {
    return;
  }
  std::vector<Token> out;
  out.reserve(list.tokens.size() + ends.size());
  size_t next = 0;
  for (size_t i = 0; i < list.tokens.size(); ++i) {
    for (; next < ends.size() && ends[next].first == i; ++next) {
      out.push_back(ends[next].second);
    }
    out.push_back(list.tokens[i]);
  }
  list.tokens = std::move(out);
}

// ---- segments
// -------------------------------------------------------------------------------------------------------

namespace {

bool ends_declaration(size_t type) {
  return is_word(type) || type == L::NUMBER || type == L::VERSION || type == L::STRING_END ||
         type == L::TARGET || type == L::RIGHT_PAREN || type == L::RIGHT_BRACKET || type == L::RIGHT_BRACE;
}

class Cutter {
 public:
  Cutter(std::string_view text, source::FileId file, TokenList& list, const std::vector<uint32_t>& damage,
         diagnostics::Sink& sink, const ParseLimits& limits)
      : text_(text), file_(file), list_(list), damage_(damage), sink_(sink), limits_(limits) {}

  void run() {
    const auto count = static_cast<uint32_t>(list_.tokens.size());
    for (uint32_t i = 0; i < count; ++i) {
      if (i == 0 || starts_segment(i)) {
        finish(i);
        list_.segments.push_back({.first = i, .last = count, .known = type_at(list_, i) != L::IDENTIFIER});
        annotated_ = type_at(list_, i) == L::AT;
      }
      annotated_ = annotated_ && !(brackets_.empty() && begins_declaration(type_at(list_, i)) &&
                                   type_at(list_, i - 1) != L::AT);
      nest(i);
    }
    finish(count);
  }

 private:
  struct Bracket {
    size_t closer;
    uint32_t token;
    uint32_t prefixes = 0;  // `if` and quantifiers since it opened or since the last comma
  };

  source::Span span_of(uint32_t i) const { return {file_, list_.tokens[i].begin(), list_.tokens[i].end()}; }
  bool is_decision(uint32_t first) const {
    return type_at(list_, first + (type_at(list_, first) == L::EXPORT ? 1 : 0)) == L::DECISION;
  }
  bool starts_segment(uint32_t i) const;
  void finish(uint32_t end);
  void nest(uint32_t i);
  void close(size_t type);
  void unclosed(const Bracket& bracket);

  std::string_view text_;
  source::FileId file_;
  TokenList& list_;
  const std::vector<uint32_t>& damage_;
  diagnostics::Sink& sink_;
  const ParseLimits& limits_;
  std::vector<Bracket> brackets_;
  uint32_t prefixes_ = 0;   // like Bracket::prefixes, outside of brackets
  bool annotated_ = false;  // only annotations so far
  uint32_t types_ = 0;      // open `list<`, `set<`, `map<`
  uint32_t level_ = 0;      // all of these together, without types
  size_t next_damage_ = 0;
};

bool Cutter::starts_segment(uint32_t i) const {
  const Token& token = list_.tokens[i];
  const size_t type = token.type();
  if (annotated_ && brackets_.empty()) {
    return false;  // the declaration belongs to its annotations
  }
  const size_t previous = type_at(list_, i - 1);
  const size_t next = type_at(list_, i + 1);
  if (token.line() == list_.tokens[i - 1].line()) {
    return false;
  }
  const uint32_t begin = token.begin();
  const bool at_margin = begin == 0 || text_[begin - 1] == '\n';
  if (type == L::AT) {
    return at_margin || ends_declaration(previous);
  }
  if (type == L::IDENTIFIER) {
    // Two names in a row at the margin: nothing else can it be but a declaration whose first word is
    // misspelt.
    return at_margin && ends_declaration(previous) && (is_word(next) || next == L::STRING_BEGIN);
  }
  if (type == L::RULE && !at_margin && !brackets_.empty() && is_decision(list_.segments.back().first)) {
    return false;  // a rule of a decision
  }
  if (type == L::ROUTE && !at_margin && type_at(list_, i + 2) != L::FOR) {
    return false;  // the effect of a rule
  }
  const bool hook_head =
      (previous == L::ON || previous == L::WHEN) && (i < 2 || type_at(list_, i - 2) != L::DOT);
  const bool listing = next == L::TOOLS || next == L::RESOURCES || next == L::PROMPTS;
  if (!begins_declaration(type) || (type == L::LIST && listing && hook_head)) {
    return false;
  }
  if (is_name(next) || (type == L::EXPORT && next == L::FN) ||
      ((type == L::TEST || type == L::IMPORT) && next == L::STRING_BEGIN) ||
      (type == L::DEFAULT && (next == L::ALLOW || next == L::DENY))) {
    return true;
  }
  return at_margin && ends_declaration(previous) && (is_word(next) || next == L::LEFT_BRACE);
}

void Cutter::unclosed(const Bracket& bracket) {
  Segment& segment = list_.segments.back();
  if (!segment.damaged) {
    const source::Span where = span_of(bracket.token);
    sink_.report(Kind::UnclosedBracket, where,
                 {std::string(text_.substr(where.begin, where.end - where.begin))});
  }
  segment.damaged = true;
}

void Cutter::finish(uint32_t end) {
  if (list_.segments.empty()) {
    return;
  }
  Segment& segment = list_.segments.back();
  segment.last = end;
  const uint32_t limit = end < list_.tokens.size() ? list_.tokens[end].begin() : UINT32_MAX;
  for (; next_damage_ < damage_.size() && damage_[next_damage_] < limit; ++next_damage_) {
    segment.damaged = true;
  }
  if (!brackets_.empty() && segment.known) {
    unclosed(brackets_.front());
  }
  brackets_.clear();
  prefixes_ = types_ = level_ = 0;
}

void Cutter::close(size_t type) {
  const auto match = std::find_if(brackets_.rbegin(), brackets_.rend(),
                                  [type](const Bracket& b) { return b.closer == type; });
  if (match == brackets_.rend()) {
    return;  // one too many; the parser says so
  }
  if (match != brackets_.rbegin()) {
    unclosed(brackets_.back());
  }
  const size_t left = static_cast<size_t>(brackets_.rend() - match) - 1;
  while (brackets_.size() > left) {
    level_ -= 1 + brackets_.back().prefixes;
    brackets_.pop_back();
  }
}

/// Keeps account of the levels the parser would recurse through. Chains of operators and members are loops in
/// the parser; the builder of the tree measures those.
void Cutter::nest(uint32_t i) {
  const size_t type = type_at(list_, i);
  uint32_t& prefixes = brackets_.empty() ? prefixes_ : brackets_.back().prefixes;
  bool in_type = is_free_word(type) || type == L::LESS || type == L::GREATER || type == L::COMMA ||
                 type == L::QUESTION || type == L::DOT;
  switch (type) {
    case L::LEFT_PAREN:
      brackets_.push_back({L::RIGHT_PAREN, i});
      ++level_;
      break;
    case L::LEFT_BRACKET:
    case L::OPTIONAL_BRACKET:
      brackets_.push_back({L::RIGHT_BRACKET, i});
      ++level_;
      break;
    case L::LEFT_BRACE:
      brackets_.push_back({L::RIGHT_BRACE, i});
      ++level_;
      break;
    case L::INTERPOLATION_BEGIN:
      brackets_.push_back({L::INTERPOLATION_END, i});
      ++level_;
      break;
    case L::RIGHT_PAREN:
    case L::RIGHT_BRACKET:
    case L::RIGHT_BRACE:
    case L::INTERPOLATION_END:
      close(type);
      break;
    case L::COMMA:
    case L::PIPE:
    case L::FAT_ARROW:
    case L::ROW_END:
      level_ -= std::exchange(prefixes, 0);
      break;
    case L::RULE:  // of a decision: the word may be a name too, in an expression that goes on
      level_ -= type_at(list_, i + 2) == L::WHEN ? std::exchange(prefixes, 0) : 0;
      break;
    case L::OTHERWISE:
      level_ -= type_at(list_, i + 1) == L::FAT_ARROW ? std::exchange(prefixes, 0) : 0;
      break;
    case L::IF:
    case L::ANY:
    case L::ALL:
    case L::NONE:
      ++prefixes;
      ++level_;
      break;
    case L::LIST:
    case L::SET:
    case L::MAP:
      in_type = type_at(list_, i + 1) == L::LESS;
      types_ += in_type ? 1 : 0;
      break;
    default:
      break;
  }
  if (!in_type) {
    types_ = 0;
  }
  Segment& segment = list_.segments.back();
  if (level_ + types_ > limits_.nesting && !segment.skip) {
    sink_.report(Kind::NestingTooDeep, span_of(i), {std::to_string(limits_.nesting)});
    segment.skip = true;
    segment.damaged = true;
  }
}

}  // namespace

void cut_into_segments(std::string_view text, source::FileId file, TokenList& list,
                       const std::vector<uint32_t>& damage, diagnostics::Sink& sink,
                       const ParseLimits& limits) {
  Cutter(text, file, list, damage, sink, limits).run();
}

}  // namespace catalyst::frontend
