#include "compiler/frontend/segment.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "compiler/frontend/token_kind.h"

namespace catalyst::frontend {

using diagnostics::Kind;

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
