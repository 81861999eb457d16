#include "compiler/analysis/guess.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace catalyst::analysis {
namespace {

constexpr size_t kStepsMax = 2'000;  // over all sides of every `or`

/// Something that a text is, or is not.
struct TextNeed {
  const TextSet* set = nullptr;  // nullptr: the literal
  std::string literal;
  bool wanted = true;

  [[nodiscard]] bool met(std::string_view text) const {
    return (set != nullptr ? set->holds(text) : literal == text) == wanted;
  }
  [[nodiscard]] TextNeed opposite() const { return {set, literal, !wanted}; }
  /// The texts that meet it, when they are written down.
  [[nodiscard]] bool listed() const { return wanted && (set == nullptr || set->automaton == nullptr); }
};

/// A text that meets all needs.
std::optional<std::string> find_text(const std::vector<TextNeed>& needs) {
  const auto met = [&](const std::string& text) {
    return std::all_of(needs.begin(), needs.end(), [&](const TextNeed& need) { return need.met(text); });
  };
  const auto first_of = [&](const auto& texts) -> std::optional<std::string> {
    const auto found = std::find_if(texts.begin(), texts.end(), met);
    return found == texts.end() ? std::nullopt : std::optional<std::string>(*found);
  };
  for (const TextNeed& need : needs) {
    if (need.listed()) {
      return need.set == nullptr ? first_of(std::array{need.literal}) : first_of(need.set->literals);
    }
  }
  static const std::array<std::string, 4> kUsual = {"someone", "other", "text", ""};
  if (const auto usual = first_of(kUsual)) {
    return usual;
  }
  std::vector<TextSet> own;
  own.reserve(needs.size());
  std::vector<const TextSet*> sets;
  for (const TextNeed& need : needs) {
    if (need.set == nullptr) {
      own.push_back({{need.literal}, nullptr});
    }
    sets.push_back(need.set == nullptr ? &own.back() : need.set);
  }
  return first_of(partition(sets, {}).values);
}

/// What a number is between. Approximate: whoever tries the model sees whether it is right.
struct Range {
  long double low = -HUGE_VALL;
  long double high = HUGE_VALL;
  bool low_open = true;
  bool high_open = true;
  std::string exact;  // the numeral, when it must be that
  std::vector<long double> never;

  [[nodiscard]] bool holds(long double x) const {
    return (x > low || (!low_open && x == low)) && (x < high || (!high_open && x == high)) &&
           std::find(never.begin(), never.end(), x) == never.end();
  }
  void above(long double x, bool open) {
    if (x > low || (x == low && open)) {
      low = x;
      low_open = open;
    }
  }
  void below(long double x, bool open) {
    if (x < high || (x == high && open)) {
      high = x;
      high_open = open;
    }
  }
  /// A numeral in the range.
  [[nodiscard]] std::optional<std::string> find(bool whole) const {
    if (!exact.empty()) {
      return holds(std::strtold(exact.c_str(), nullptr)) ? std::optional(exact) : std::nullopt;
    }
    const bool bounded_low = low > -HUGE_VALL;
    const bool bounded_high = high < HUGE_VALL;
    const long double from = bounded_low ? std::floor(low) : (bounded_high ? std::ceil(high) : 0);
    const long double step = bounded_low || !bounded_high ? 1 : -1;
    for (size_t i = 0; i < never.size() + 3; ++i) {
      if (const long double x = from + step * static_cast<long double>(i); holds(x)) {
        return text(x, 0);
      }
    }
    if (!whole && bounded_low && bounded_high &&
        holds(std::strtold(text((low + high) / 2, 6).c_str(), nullptr))) {
      return text((low + high) / 2, 6);
    }
    return std::nullopt;
  }

 private:
  static std::string text(long double x, int digits) {
    std::array<char, 64> out{};
    std::snprintf(out.data(), out.size(), "%.*Lf", digits, x);
    return out.data();
  }
};

struct Elements {
  std::set<std::string> there;
  std::vector<TextNeed> never;  // met by no element
};

struct State {
  std::map<BoolVar, bool> truths;
  std::map<NumVar, Range> numbers;
  std::map<TextVar, std::vector<TextNeed>> needs;
  std::map<TextVar, std::string> texts;
  std::map<CollVar, Elements> collections;
  std::map<NodeId, Tag> tags;
  std::map<NodeId, uint32_t> not_tags;  // bits by Tag
};

class Guesser {
 public:
  explicit Guesser(const World& world) : world_(world), f_(world.formulas) {
    for (const WindowInput& window : world.windows()) {
      windows_.insert(window.value);
    }
  }

  std::optional<Model> run(std::span<const FormulaId> formulas) {
    State state;
    std::vector<Goal> goals;
    for (const FormulaId formula : formulas) {
      goals.push_back({formula, true});
    }
    if (!fulfil(state, std::move(goals)) || !settle_tags(state)) {
      return std::nullopt;
    }
    Model out;
    out.truths = std::move(state.truths);
    out.texts = std::move(state.texts);
    out.tags = std::move(state.tags);
    for (const auto& [v, range] : state.numbers) {
      out.numbers[v] = *range.find(world_.numbers()[v.index].whole);
    }
    for (auto& [v, elements] : state.collections) {
      out.collections[v].assign(elements.there.begin(), elements.there.end());
    }
    return out;
  }

 private:
  struct Goal {
    FormulaId formula;
    bool wanted;
  };

  bool fulfil(State& state, std::vector<Goal> goals) {
    std::vector<Goal> choices;  // one of two sides is enough
    while (!goals.empty()) {
      const Goal goal = goals.back();
      goals.pop_back();
      if (++steps_ > kStepsMax) {
        return false;
      }
      const Formula& f = f_.get(goal.formula);
      if (f.op == FormulaOp::Not) {
        goals.push_back({FormulaId(f.a), !goal.wanted});
      } else if (f.op != FormulaOp::And && f.op != FormulaOp::Or) {
        if (!take(state, f, goal.wanted)) {
          return false;
        }
      } else if ((f.op == FormulaOp::And) == goal.wanted) {
        goals.push_back({FormulaId(f.b), goal.wanted});
        goals.push_back({FormulaId(f.a), goal.wanted});
      } else {
        choices.push_back(goal);
      }
    }
    if (choices.empty()) {
      return true;
    }
    const Formula& f = f_.get(choices.back().formula);
    const bool wanted = choices.back().wanted;
    choices.pop_back();
    for (const uint32_t side : {f.a, f.b}) {
      State tried = state;
      std::vector<Goal> rest = choices;
      rest.push_back({FormulaId(side), wanted});
      if (fulfil(tried, std::move(rest))) {
        state = std::move(tried);
        return true;
      }
    }
    return false;
  }

  bool take(State& state, const Formula& f, bool wanted) {
    switch (f.op) {
      case FormulaOp::True:
      case FormulaOp::False:
        return (f.op == FormulaOp::True) == wanted;
      case FormulaOp::BoolVar:
        return state.truths.emplace(BoolVar(f.a), wanted).first->second == wanted;
      case FormulaOp::TagIs:
        return wanted ? set_tag(state, NodeId(f.a), static_cast<Tag>(f.b))
                      : exclude_tag(state, NodeId(f.a), static_cast<Tag>(f.b));
      case FormulaOp::Readable:
      case FormulaOp::IsInt:
        return wanted;
      case FormulaOp::TextIn:
        return need(state, FormulaId(f.a), {&f_.set(f.b), "", wanted});
      case FormulaOp::TextEq:
        return equal(state, f, wanted);
      case FormulaOp::Less:
      case FormulaOp::LessEq:
      case FormulaOp::NumEq:
        return compare(state, f, wanted);
      case FormulaOp::Member: {
        const Formula& text = f_.get(FormulaId(f.b));
        return text.op == FormulaOp::Text &&
               element(state, CollVar(f.a), {nullptr, f_.string(text.a), true}, wanted);
      }
      case FormulaOp::SomeOf: {
        const std::optional<TextNeed> body = need_of(FormulaId(f.c), TextVar(f.b));
        return body && element(state, CollVar(f.a), *body, wanted);
      }
      default:
        return false;
    }
  }

  // ---- places in JSON ----

  bool set_tag(State& state, NodeId node, Tag tag) const {
    const auto [at, fresh] = state.tags.emplace(node, tag);
    if (!fresh) {
      return at->second == tag;
    }
    const auto excluded = state.not_tags.find(node);
    if (excluded != state.not_tags.end() && (excluded->second & bit(tag)) != 0) {
      return false;
    }
    const NodeId parent = world_.node(node).parent;
    return tag == Tag::Absent || !parent.valid() || set_tag(state, parent, Tag::Object);
  }

  static bool exclude_tag(State& state, NodeId node, Tag tag) {
    state.not_tags[node] |= bit(tag);
    const auto known = state.tags.find(node);
    return known == state.tags.end() || known->second != tag;
  }

  /// Places of which only is known what they are not.
  bool settle_tags(State& state) const {
    for (const auto& [node, excluded] : std::map(state.not_tags)) {
      if (state.tags.contains(node)) {
        continue;
      }
      bool settled = false;
      for (const Tag tag : {Tag::Absent, Tag::Text, Tag::Object, Tag::Number, Tag::List, Tag::Bool}) {
        State tried = state;
        if ((excluded & bit(tag)) == 0 && set_tag(tried, node, tag)) {
          state = std::move(tried);
          settled = true;
          break;
        }
      }
      if (!settled) {
        return false;
      }
    }
    return true;
  }

  static uint32_t bit(Tag tag) { return 1U << static_cast<uint32_t>(tag); }

  // ---- texts ----

  bool need(State& state, FormulaId text, TextNeed what) const {
    const Formula& f = f_.get(text);
    if (f.op == FormulaOp::Text) {
      return what.met(f_.string(f.a));
    }
    if (f.op != FormulaOp::TextVar) {
      return false;
    }
    const TextVar v(f.a);
    std::vector<TextNeed>& needs = state.needs[v];
    needs.push_back(std::move(what));
    const auto known = state.texts.find(v);
    if (known != state.texts.end() && needs.back().met(known->second)) {
      return true;
    }
    const std::optional<std::string> found = find_text(needs);
    if (found) {
      state.texts[v] = *found;
    }
    return found.has_value();
  }

  bool equal(State& state, const Formula& f, bool wanted) const {
    for (const auto& [one, other] : {std::pair{f.a, f.b}, std::pair{f.b, f.a}}) {
      const Formula& literal = f_.get(FormulaId(one));
      if (literal.op == FormulaOp::Text) {
        return need(state, FormulaId(other), {nullptr, f_.string(literal.a), wanted});
      }
    }
    return false;
  }

  /// What `body` asks of the element that `bound` stands for.
  [[nodiscard]] std::optional<TextNeed> need_of(FormulaId body, TextVar bound) const {
    const Formula& f = f_.get(body);
    const auto is_bound = [&](uint32_t id) {
      const Formula& text = f_.get(FormulaId(id));
      return text.op == FormulaOp::TextVar && text.a == bound.index;
    };
    if (f.op == FormulaOp::Not) {
      const std::optional<TextNeed> inner = need_of(FormulaId(f.a), bound);
      return inner ? std::optional(inner->opposite()) : std::nullopt;
    }
    if (f.op == FormulaOp::TextIn && is_bound(f.a)) {
      return TextNeed{&f_.set(f.b), "", true};
    }
    if (f.op == FormulaOp::TextEq) {
      for (const auto& [one, other] : {std::pair{f.a, f.b}, std::pair{f.b, f.a}}) {
        if (is_bound(one) && f_.get(FormulaId(other)).op == FormulaOp::Text) {
          return TextNeed{nullptr, f_.string(f_.get(FormulaId(other)).a), true};
        }
      }
    }
    return std::nullopt;
  }

  /// An element that meets `what` is there, or none.
  bool element(State& state, CollVar v, const TextNeed& what, bool wanted) const {
    Elements& elements = state.collections[v];
    const auto meets = [&](const std::string& text) { return what.met(text); };
    if (!wanted) {
      elements.never.push_back(what);
      return std::none_of(elements.there.begin(), elements.there.end(), meets);
    }
    if (std::any_of(elements.there.begin(), elements.there.end(), meets)) {
      return true;
    }
    std::vector<TextNeed> needs = {what};
    if (const uint32_t allowed = world_.collections()[v.index].elements; allowed != UINT32_MAX) {
      needs.push_back({&f_.set(allowed), "", true});
    }
    for (const TextNeed& never : elements.never) {
      needs.push_back(never.opposite());
    }
    const std::optional<std::string> found = find_text(needs);
    return found && elements.there.insert(*found).second;
  }

  // ---- numbers ----

  bool compare(State& state, const Formula& f, bool wanted) const {
    const Formula& a = f_.get(FormulaId(f.a));
    const Formula& b = f_.get(FormulaId(f.b));
    const bool left = a.op == FormulaOp::NumVar;  // the variable stands left
    const Formula& variable = left ? a : b;
    const Formula& number = left ? b : a;
    if (variable.op != FormulaOp::NumVar || number.op != FormulaOp::Number ||
        windows_.contains(NumVar(variable.a))) {
      return false;
    }
    const std::string& numeral = f_.string(number.a);
    const long double x = std::strtold(numeral.c_str(), nullptr);
    const NumVar v(variable.a);
    Range& range = state.numbers[v];
    if (f.op == FormulaOp::NumEq && !wanted) {
      range.never.push_back(x);
    } else if (f.op == FormulaOp::NumEq) {
      range.exact = numeral;
      range.above(x, false);
      range.below(x, false);
    } else {
      const bool open = (f.op == FormulaOp::Less) == wanted;
      if (left == wanted) {  // `v < x`, or not `x <= v`
        range.below(x, open);
      } else {
        range.above(x, open);
      }
    }
    return range.find(world_.numbers()[v.index].whole).has_value();
  }

  const World& world_;
  const Formulas& f_;
  std::set<NumVar> windows_;
  size_t steps_ = 0;
};

}  // namespace

std::optional<Model> guess(const World& world, std::span<const FormulaId> formulas) {
  return Guesser(world).run(formulas);
}

}  // namespace catalyst::analysis
