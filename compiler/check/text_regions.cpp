#include "compiler/check/text_regions.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "runtime/base/budget.h"

namespace catalyst::check {
namespace {

using Kind = ir::TableTest::Kind;

constexpr size_t kMaxStates = 20'000;
constexpr size_t kMaxTextLength = 1'000;  // of a constant, in code points

/// A text as code points; bytes that are no UTF-8 (constants never have them) each for themselves.
std::vector<uint32_t> code_points(std::string_view text) {
  std::vector<uint32_t> out;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    uint32_t point = length == 1 ? lead : lead & (0xFFu >> (length + 1));
    for (size_t k = 1; k < length && i + k < text.size(); ++k) {
      point = (point << 6) | (static_cast<unsigned char>(text[i + k]) & 0x3Fu);
    }
    out.push_back(point);
    i += length;
  }
  return out;
}

void append_utf8(std::string& out, uint32_t point) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((point >> shift) & 0x3F)); };
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xC0 | (point >> 6));
    tail(0);
  } else if (point < 0x10000) {
    out += static_cast<char>(0xE0 | (point >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | (point >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

/// One test as a deterministic automaton, its states made when they are first met.
class Automaton {
 public:
  static constexpr uint32_t kDead = UINT32_MAX;  // nothing that follows makes it hold

  virtual ~Automaton() = default;
  [[nodiscard]] virtual uint32_t step(uint32_t state, uint32_t point) = 0;
  [[nodiscard]] virtual bool holds(uint32_t state) const = 0;
};

/// One text, in full or (`prefix`) as a beginning.
class Literal : public Automaton {
 public:
  Literal(std::vector<uint32_t> text, bool prefix) : text_(std::move(text)), prefix_(prefix) {}
  uint32_t step(uint32_t state, uint32_t point) override {
    if (state == text_.size()) {
      return prefix_ ? state : kDead;
    }
    return text_[state] == point ? state + 1 : kDead;
  }
  [[nodiscard]] bool holds(uint32_t state) const override { return state == text_.size(); }

 private:
  std::vector<uint32_t> text_;
  bool prefix_;
};

/// Sets of places in a pattern of code points and stars; suffixes and parts are patterns too.
class Pattern : public Automaton {
 public:
  static constexpr uint32_t kStar = UINT32_MAX;
  static constexpr uint32_t kAnyOne = UINT32_MAX - 1;

  explicit Pattern(std::vector<uint32_t> pattern) : pattern_(std::move(pattern)) { intern(closed({0})); }
  uint32_t step(uint32_t state, uint32_t point) override {
    const auto known = steps_.find({state, point});
    if (known != steps_.end()) {
      return known->second;
    }
    std::set<uint32_t> next;
    for (const uint32_t at : sets_[state]) {
      if (at == pattern_.size()) {
        continue;
      }
      if (pattern_[at] == kStar) {
        next.insert(at);
      } else if (pattern_[at] == kAnyOne || pattern_[at] == point) {
        next.insert(at + 1);
      }
    }
    const uint32_t to = next.empty() ? kDead : intern(closed(std::move(next)));
    steps_[{state, point}] = to;
    return to;
  }
  [[nodiscard]] bool holds(uint32_t state) const override { return sets_[state].contains(pattern_.size()); }

 private:
  [[nodiscard]] std::set<uint32_t> closed(std::set<uint32_t> places) const {
    for (const uint32_t at : std::vector<uint32_t>(places.begin(), places.end())) {
      for (uint32_t i = at; i < pattern_.size() && pattern_[i] == kStar; ++i) {
        places.insert(i + 1);
      }
    }
    return places;
  }
  uint32_t intern(std::set<uint32_t> places) {
    const auto [found, added] = ids_.try_emplace(places, static_cast<uint32_t>(sets_.size()));
    if (added) {
      sets_.push_back(std::move(places));
    }
    return found->second;
  }

  std::vector<uint32_t> pattern_;
  std::vector<std::set<uint32_t>> sets_;
  std::map<std::set<uint32_t>, uint32_t> ids_;
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> steps_;
};

/// Order by code points, which is the order by bytes of UTF-8. For each bound: how much of it the text equals
/// so far, or on which side of it the text is whatever follows.
class Between : public Automaton {
 public:
  Between(const value::Value* low, const value::Value* high, const ir::TableTest& test)
      : low_(low), high_(high), test_(test) {
    low_text_ = low == nullptr ? std::vector<uint32_t>() : code_points(low->text());
    high_text_ = high == nullptr ? std::vector<uint32_t>() : code_points(high->text());
  }
  uint32_t step(uint32_t state, uint32_t point) override {
    const uint32_t low = advance(low_text_, state % kBase, point);
    const uint32_t high = advance(high_text_, state / kBase, point);
    if ((low_ != nullptr && low == kBelow) || (high_ != nullptr && high == kAbove)) {
      return kDead;
    }
    return high * kBase + low;
  }
  [[nodiscard]] bool holds(uint32_t state) const override {
    const uint32_t low = state % kBase;
    const uint32_t high = state / kBase;
    const bool above = low_ == nullptr || low == kAbove || (low == low_text_.size() && test_.low_included);
    // Equal so far with more of the bound to come: the text is shorter, so it stands before it.
    const bool below = high_ == nullptr || high == kBelow || high < high_text_.size() ||
                       (high == high_text_.size() && test_.high_included);
    return above && below;
  }

 private:
  static constexpr uint32_t kBase = 60'000;
  static constexpr uint32_t kBelow = kBase - 1;
  static constexpr uint32_t kAbove = kBase - 2;

  static uint32_t advance(const std::vector<uint32_t>& bound, uint32_t at, uint32_t point) {
    if (at == kBelow || at == kAbove) {
      return at;
    }
    if (at >= bound.size()) {
      return kAbove;
    }
    return point == bound[at] ? at + 1 : point < bound[at] ? kBelow : kAbove;
  }

  const value::Value* low_;
  const value::Value* high_;
  ir::TableTest test_;
  std::vector<uint32_t> low_text_;
  std::vector<uint32_t> high_text_;
};

std::vector<uint32_t> pattern_of(Kind kind, std::string_view text) {
  std::vector<uint32_t> out = code_points(text);
  if (kind == Kind::Glob) {
    for (uint32_t& point : out) {
      point = point == '*' ? Pattern::kStar : point == '?' ? Pattern::kAnyOne : point;
    }
    return out;
  }
  out.insert(out.begin(), Pattern::kStar);
  if (kind == Kind::Contains) {
    out.push_back(Pattern::kStar);
  }
  return out;
}

class Search {
 public:
  Search(const ir::Module& module, const std::vector<ir::TableTest>& tests) {
    for (const ir::TableTest& test : tests) {
      const value::Value* low = test.low.valid() ? &module.consts[test.low.index] : nullptr;
      const value::Value* high = test.high.valid() ? &module.consts[test.high.index] : nullptr;
      mention(low);
      mention(high);
      if (test.kind == Kind::Prefix || (test.kind == Kind::Between && low != nullptr && low == high)) {
        automata_.push_back(std::make_unique<Literal>(code_points(low->text()), test.kind == Kind::Prefix));
      } else if (test.kind == Kind::Between) {
        ordered_ = true;
        automata_.push_back(std::make_unique<Between>(low, high, test));
      } else {
        automata_.push_back(std::make_unique<Pattern>(pattern_of(test.kind, low->text())));
      }
    }
  }

  std::optional<std::vector<TextRegion>> run(size_t limit) {
    const std::vector<uint32_t> alphabet = this->alphabet();
    State start;
    for (uint32_t i = 0; i < automata_.size(); ++i) {
      start.emplace_back(i, 0);
    }
    if (longest_ > kMaxTextLength) {
      return std::nullopt;
    }
    visit(std::move(start), SIZE_MAX, 0);
    for (size_t next = 0; next < queue_.size(); ++next) {
      if (!Budget::spend() || queue_.size() > kMaxStates || regions_.size() > limit) {
        return std::nullopt;
      }
      for (const uint32_t point : alphabet) {
        State to;
        for (const auto& [test, state] : queue_[next].first) {
          const uint32_t reached = automata_[test]->step(state, point);
          if (reached != Automaton::kDead) {
            to.emplace_back(test, reached);
          }
        }
        visit(std::move(to), next, point);
      }
    }
    return std::move(regions_);
  }

 private:
  using State = std::vector<std::pair<uint32_t, uint32_t>>;  // tests that may still hold, with their states

  void mention(const value::Value* text) {
    if (text != nullptr) {
      const std::vector<uint32_t> points = code_points(text->text());
      mentioned_.insert(points.begin(), points.end());
      longest_ = std::max(longest_, points.size());
    }
  }

  /// Code points that differ for some test: those mentioned, and one that is not (with order: one of each
  /// gap).
  [[nodiscard]] std::vector<uint32_t> alphabet() const {
    constexpr std::string_view kPreferred =
        "xabcdefghijklmnopqrstuvwyz0123456789_- ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    std::vector<uint32_t> out;
    for (const char c : kPreferred) {
      if (!mentioned_.contains(static_cast<uint32_t>(c))) {
        out.push_back(static_cast<uint32_t>(c));
        break;
      }
    }
    if (out.empty()) {
      uint32_t point = 0xE0;
      while (mentioned_.contains(point)) {
        ++point;
      }
      out.push_back(point);
    }
    out.insert(out.end(), mentioned_.begin(), mentioned_.end());
    if (ordered_) {
      for (const uint32_t point : mentioned_) {
        for (const uint32_t beside : {point - 1, point + 1}) {
          const bool exists = beside > 0 && beside < 0x110000 && (beside < 0xD800 || beside > 0xDFFF);
          if (exists && std::find(out.begin(), out.end(), beside) == out.end()) {
            out.push_back(beside);
          }
        }
      }
    }
    return out;
  }

  /// A state that the text of `from` reaches with one more code point.
  void visit(State state, size_t from, uint32_t point) {
    Budget::spend(state.size() * 10 + 50);
    std::string key;
    for (const auto& [test, at] : state) {
      key.append(reinterpret_cast<const char*>(&test), sizeof test);
      key.append(reinterpret_cast<const char*>(&at), sizeof at);
    }
    if (!seen_.insert(std::move(key)).second) {
      return;
    }
    std::string text;
    if (from != SIZE_MAX) {
      text = queue_[from].second;
      append_utf8(text, point);
    }
    TextRegion region{text, {}};
    for (const auto& [test, at] : state) {
      if (automata_[test]->holds(at)) {
        region.holding.push_back(test);
      }
    }
    if (known_.insert(region.holding).second) {
      regions_.push_back(std::move(region));
    }
    queue_.emplace_back(std::move(state), std::move(text));
  }

  std::vector<std::unique_ptr<Automaton>> automata_;
  std::set<uint32_t> mentioned_;
  bool ordered_ = false;
  size_t longest_ = 0;
  std::vector<std::pair<State, std::string>> queue_;
  std::set<std::string> seen_;
  std::set<std::vector<uint32_t>> known_;
  std::vector<TextRegion> regions_;
};

}  // namespace

std::optional<std::vector<TextRegion>> cut_texts(const ir::Module& module,
                                                 const std::vector<ir::TableTest>& tests, size_t limit) {
  return Search(module, tests).run(limit);
}

}  // namespace catalyst::check
