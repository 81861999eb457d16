#include "compiler/frontend/lexer.h"

#include <array>
#include <memory>
#include <optional>
#include <unordered_map>

#include "grammar/CatalystLexer.h"
#include "runtime/base/check.h"

namespace catalyst::frontend {
namespace {

using antlr4::atn::LexerATNSimulator;
using antlr4::dfa::DFAState;
using grammar::CatalystLexer;

/// What the grammar says to do with a unit, beside its type.
struct Accept {
  size_t type = antlr4::Token::INVALID_TYPE;  // INVALID_TYPE: the state accepts nothing
  bool skip = false;
  bool hidden = false;
  bool pop = false;
  std::optional<size_t> push;
};

Accept accept_of(const DFAState& state) {
  Accept out;
  if (!state.isAcceptState) {
    return out;
  }
  out.type = state.prediction;
  if (state.lexerActionExecutor == nullptr) {
    return out;
  }
  for (const auto& action : state.lexerActionExecutor->getLexerActions()) {
    switch (action->getActionType()) {
      case antlr4::atn::LexerActionType::SKIP:
        out.skip = true;
        break;
      case antlr4::atn::LexerActionType::CHANNEL:
        out.hidden = true;
        break;
      case antlr4::atn::LexerActionType::POP_MODE:
        out.pop = true;
        break;
      case antlr4::atn::LexerActionType::PUSH_MODE:
        out.push = static_cast<size_t>(static_cast<antlr4::atn::LexerPushModeAction&>(*action).getMode());
        break;
      default:
        CHECK(false, "CatalystLexer.g4 uses an action that compiler/frontend/lexer.cpp does not know");
    }
  }
  return out;
}

/// One symbol stands for every byte above ASCII: ANTLR's automaton caches its transitions for ASCII only.
size_t symbol_of(char byte) {
  constexpr size_t kBeyondAscii = 0x7F;
  const auto symbol = static_cast<unsigned char>(byte);
  return symbol < 0x80 ? symbol : kBeyondAscii;
}

/// The automaton that ANTLR builds from the grammar, as far as texts have led into it. Each transition is
/// asked of ANTLR once and then kept in an array. One per thread, so nothing is locked; about 120 KiB when
/// every keyword was seen.
class Automaton final : private LexerATNSimulator {
 public:
  static constexpr uint16_t kDead = 1;
  static constexpr size_t kSymbols = 128;

  Automaton() : Automaton(CatalystLexer(nullptr).getATN()) {}

  uint16_t start(size_t mode) {
    if (starts_[mode] == kUnknown) {
      starts_[mode] = number_of(addDFAState(
          computeStartState(&nothing_, const_cast<antlr4::atn::ATN&>(atn).modeToStartState[mode]).release()));
    }
    return starts_[mode];
  }
  uint16_t next(uint16_t state, size_t symbol) {
    const uint16_t known = next_[state][symbol];
    return known != kUnknown ? known : find(state, symbol);
  }
  [[nodiscard]] const Accept& accepted(uint16_t state) const { return accepts_[state]; }

 private:
  static constexpr uint16_t kUnknown = 0;

  explicit Automaton(const antlr4::atn::ATN& grammar)
      : LexerATNSimulator(grammar, decisions_, contexts_), starts_(grammar.modeToStartState.size()) {
    for (size_t mode = 0; mode < starts_.size(); ++mode) {
      decisions_.emplace_back(grammar.getDecisionState(mode), mode);
    }
    states_.resize(kDead + 1);
    next_.resize(kDead + 1);
    accepts_.resize(kDead + 1);
  }

  uint16_t find(uint16_t state, size_t symbol) {
    DFAState* target = computeTargetState(&nothing_, states_[state], symbol);
    const uint16_t number = target == ERROR.get() ? kDead : number_of(target);
    next_[state][symbol] = number;
    return number;
  }

  uint16_t number_of(DFAState* state) {
    const auto [entry, fresh] = numbers_.emplace(state, static_cast<uint16_t>(states_.size()));
    if (fresh) {
      CHECK(states_.size() < UINT16_MAX, "the lexer's automaton has thousands of states at most");
      states_.push_back(state);
      next_.push_back({});
      accepts_.push_back(accept_of(*state));
    }
    return entry->second;
  }

  std::vector<antlr4::dfa::DFA> decisions_;
  antlr4::atn::PredictionContextCache contexts_;
  antlr4::ANTLRInputStream nothing_;  // only predicates would look at it, and the grammar has none
  std::vector<uint16_t> starts_;
  std::vector<DFAState*> states_;
  std::vector<std::array<uint16_t, kSymbols>> next_;
  std::vector<Accept> accepts_;
  std::unordered_map<DFAState*, uint16_t> numbers_;
};

Automaton& automaton() {
  thread_local Automaton instance;
  return instance;
}

}  // namespace

Lexeme Lexer::next() {
  Automaton& grammar = automaton();
  while (at_ < text_.size()) {
    Lexeme out{0, static_cast<uint32_t>(at_), 0, line_, false};
    uint16_t last = Automaton::kDead;  // state that accepted the longest unit so far
    size_t end = at_;
    uint16_t state = grammar.start(mode_);
    for (size_t i = at_; i < text_.size(); ++i) {
      state = grammar.next(state, symbol_of(text_[i]));
      if (state == Automaton::kDead) {
        break;
      }
      if (grammar.accepted(state).type != antlr4::Token::INVALID_TYPE) {
        last = state;
        end = i + 1;
      }
    }
    CHECK(end > at_, "every mode of the grammar takes every byte");
    for (; at_ < end; ++at_) {
      line_ += text_[at_] == '\n' ? 1 : 0;
    }
    const Accept& accept = grammar.accepted(last);
    if (accept.pop && !outer_modes_.empty()) {  // a stray `}` pops a mode that nobody pushed
      mode_ = outer_modes_.back();
      outer_modes_.pop_back();
    }
    if (accept.push) {
      outer_modes_.push_back(mode_);
      mode_ = *accept.push;
    }
    if (!accept.skip) {
      out.type = accept.type;
      out.end = static_cast<uint32_t>(end);
      out.hidden = accept.hidden;
      return out;
    }
  }
  return {antlr4::Token::EOF, static_cast<uint32_t>(at_), static_cast<uint32_t>(at_), line_, false};
}

void Lexer::leave_to(size_t depth) {
  outer_modes_.resize(depth);
  mode_ = CatalystLexer::DEFAULT_MODE;
}

}  // namespace catalyst::frontend
