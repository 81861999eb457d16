#include "compiler/analysis/nfa.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "compiler/analysis/automaton_builder.h"

namespace catalyst::analysis {
namespace {

/// What stands in front of a position, as far as assertions ask.
enum class Before : uint8_t { Nothing, Word, Other };
constexpr int kEnd = -1;

bool is_word(int byte) {
  return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         byte == '_';
}

bool holds(Nfa::Assertion assertion, Before before, int next) {
  const bool boundary = (before == Before::Word) != is_word(next);
  switch (assertion) {
    case Nfa::Assertion::None:
      return true;
    case Nfa::Assertion::Begin:
      return before == Before::Nothing;
    case Nfa::Assertion::End:
      return next == kEnd;
    case Nfa::Assertion::WordBoundary:
      return boundary;
    case Nfa::Assertion::NotWordBoundary:
      return !boundary;
  }
  return false;
}

using Set = std::vector<uint32_t>;  // sorted, unique

class Subsets {
 public:
  Subsets(const Nfa& nfa, uint32_t final) : nfa_(nfa), final_(final) {
    bool words = false;
    bool begins = false;
    std::array<bool, 257> cut{};
    cut[0] = true;
    for (const Nfa::State& state : nfa.states) {
      for (const Nfa::Edge& edge : state.edges) {
        cut[edge.low] = true;
        cut[static_cast<size_t>(edge.high) + 1] = true;
      }
      for (const Nfa::Step& step : state.steps) {
        begins = begins || step.assertion == Nfa::Assertion::Begin;
        words = words || step.assertion == Nfa::Assertion::WordBoundary ||
                step.assertion == Nfa::Assertion::NotWordBoundary;
      }
    }
    if (words) {
      for (size_t byte = 1; byte < 256; ++byte) {
        cut[byte] = cut[byte] || is_word(static_cast<int>(byte)) != is_word(static_cast<int>(byte) - 1);
      }
    }
    words_ = words;
    begins_ = begins || words;
    uint8_t current = 0;
    for (size_t byte = 0; byte < 256; ++byte) {
      if (byte > 0 && cut[byte]) {
        ++current;
      }
      class_of_[byte] = current;
      if (byte == 0 || cut[byte]) {
        sample_.push_back(static_cast<uint8_t>(byte));
      }
    }
  }

  std::optional<Automaton> run(uint32_t start) {
    AutomatonBuilder out(class_of_, static_cast<uint32_t>(sample_.size()));
    state_of({start}, begins_ ? Before::Nothing : Before::Other);
    for (size_t at = 0; at < order_.size(); ++at) {
      if (order_.size() > Automaton::kMaxStates) {
        return std::nullopt;
      }
      const auto [set, before] = order_[at];
      std::vector<uint32_t> row;
      for (const uint8_t byte : sample_) {
        row.push_back(state_of(move(closure(set, before, byte), byte), after(byte)));
      }
      const Set last = closure(set, before, kEnd);
      out.add(row, std::binary_search(last.begin(), last.end(), final_));
    }
    return std::move(out).take();
  }

 private:
  [[nodiscard]] Before after(uint8_t byte) const {
    return words_ && is_word(byte) ? Before::Word : Before::Other;
  }

  uint32_t state_of(Set set, Before before) {
    if (set.empty()) {
      before = Before::Other;
    }
    const auto [at, fresh] = index_.emplace(std::pair(set, before), static_cast<uint32_t>(order_.size()));
    if (fresh) {
      order_.emplace_back(std::move(set), before);
    }
    return at->second;
  }

  [[nodiscard]] Set closure(const Set& set, Before before, int next) const {
    Set out = set;
    std::set<uint32_t> seen(set.begin(), set.end());
    for (size_t at = 0; at < out.size(); ++at) {
      for (const Nfa::Step& step : nfa_.states[out[at]].steps) {
        if (holds(step.assertion, before, next) && seen.insert(step.to).second) {
          out.push_back(step.to);
        }
      }
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  [[nodiscard]] Set move(const Set& set, uint8_t byte) const {
    Set out;
    for (const uint32_t state : set) {
      for (const Nfa::Edge& edge : nfa_.states[state].edges) {
        if (edge.low <= byte && byte <= edge.high) {
          out.push_back(edge.to);
        }
      }
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }

  const Nfa& nfa_;
  uint32_t final_;
  bool words_ = false;
  bool begins_ = false;
  std::array<uint8_t, 256> class_of_{};
  std::vector<uint8_t> sample_;  // one byte a class
  std::map<std::pair<Set, Before>, uint32_t> index_;
  std::vector<std::pair<Set, Before>> order_;
};

std::string encode(uint32_t point) {
  std::string out;
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xC0 | (point >> 6));
    out += static_cast<char>(0x80 | (point & 63));
  } else if (point < 0x10000) {
    out += static_cast<char>(0xE0 | (point >> 12));
    out += static_cast<char>(0x80 | ((point >> 6) & 63));
    out += static_cast<char>(0x80 | (point & 63));
  } else {
    out += static_cast<char>(0xF0 | (point >> 18));
    out += static_cast<char>(0x80 | ((point >> 12) & 63));
    out += static_cast<char>(0x80 | ((point >> 6) & 63));
    out += static_cast<char>(0x80 | (point & 63));
  }
  return out;
}

}  // namespace

uint32_t Nfa::literal(uint32_t from, std::string_view text) {
  for (const char c : text) {
    const uint32_t to = add();
    edge(from, static_cast<uint8_t>(c), static_cast<uint8_t>(c), to);
    from = to;
  }
  return from;
}

/// Splits the range until all its members are byte ranges side by side.
void Nfa::code_points(uint32_t from, uint32_t low, uint32_t high, uint32_t to) {
  if (low > high) {
    return;
  }
  for (const uint32_t last : {0x7Fu, 0x7FFu, 0xD7FFu, 0xFFFFu}) {
    if (low <= last && high > last) {
      code_points(from, low, last, to);
      code_points(from, last == 0xD7FF ? 0xE000 : last + 1, high, to);
      return;
    }
  }
  if (low >= 0xD800 && low <= 0xDFFF) {
    code_points(from, 0xE000, high, to);  // surrogates are no code points of a text
    return;
  }
  if (high < 0x80) {
    edge(from, static_cast<uint8_t>(low), static_cast<uint8_t>(high), to);
    return;
  }
  for (uint32_t shift = 6; shift <= 18; shift += 6) {
    const uint32_t mask = (1u << shift) - 1;
    if ((low & ~mask) == (high & ~mask)) {
      continue;
    }
    if ((low & mask) != 0) {
      code_points(from, low, low | mask, to);
      code_points(from, (low | mask) + 1, high, to);
      return;
    }
    if ((high & mask) != mask) {
      code_points(from, low, (high & ~mask) - 1, to);
      code_points(from, high & ~mask, high, to);
      return;
    }
  }
  const std::string first = encode(low);
  const std::string second = encode(high);
  for (size_t i = 0; i < first.size(); ++i) {
    const uint32_t target = i + 1 == first.size() ? to : add();
    edge(from, static_cast<uint8_t>(first[i]), static_cast<uint8_t>(second[i]), target);
    from = target;
  }
}

std::optional<Automaton> Nfa::determinise(uint32_t start, uint32_t final) const {
  return too_large() ? std::nullopt : Subsets(*this, final).run(start);
}

}  // namespace catalyst::analysis
