#include "compiler/analysis/why_not.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "compiler/analysis/nearest.h"
#include "compiler/analysis/outcome.h"
#include "compiler/analysis/request_patch.h"
#include "compiler/analysis/scope_of.h"
#include "runtime/base/budget.h"
#include "runtime/value/decimal.h"
#include "runtime/value/time.h"

namespace catalyst::analysis {
namespace {

using Json = nlohmann::json;

constexpr size_t kFeaturesMax = 40;       // inputs that are looked at
constexpr size_t kMutantsMax = 2000;      // edits of rules that are tried
constexpr uint64_t kPlanningSteps = 300;  // of a Budget, for a rule of the pack that an edit is tried on

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

class Features {
 public:
  Features(const World& world, const Witness& request)
      : world_(world), f_(world.formulas), request_(request) {}

  std::vector<Feature> collect(const FormulaScope& scope) {
    for (const TextVar v : scope.texts) {
      add_text(world_.texts()[v.index].name, v);
    }
    for (const NumVar v : scope.numbers) {
      const std::string& name = world_.numbers()[v.index].name;
      if (name == "principal.risk" || name == "now") {
        const int64_t value = name == "now" ? request_.now_us : request_.risk;
        add(name, f_.compare(FormulaOp::NumEq, f_.variable(v), f_.number(value)), std::to_string(value));
      }
    }
    for (const WindowInput& window : world_.windows()) {
      if (scope.numbers.contains(window.value)) {
        keep(f_.compare(FormulaOp::NumEq, f_.variable(window.value), f_.number(said(window))));
      }
    }
    for (const BoolVar v : scope.truths) {
      if (world_.truths()[v.index].name == "principal.mfa") {
        add("principal.mfa", request_.mfa ? f_.variable(v) : f_.negate(f_.variable(v)),
            request_.mfa ? "true" : "false");
      }
    }
    for (const CollVar v : scope.collections) {
      if (world_.collections()[v.index].name == "principal.roles") {
        add("principal.roles", holds_exactly(v, request_.roles), dump(request_.roles));
      }
    }
    for (const NodeId node : scope.nodes) {
      add_node(scope, node);
    }
    return std::move(out_);
  }

  /// What must stay as it is for the others to make sense.
  [[nodiscard]] FormulaId frame() const { return frame_.valid() ? frame_ : f_.truth(true); }

  static const Json* find(const Json& root, const World& world, NodeId node) {
    const JsonNode& n = world.node(node);
    if (!n.parent.valid()) {
      return &root;
    }
    const Json* parent = find(root, world, n.parent);
    if (parent == nullptr || !parent->is_object()) {
      return nullptr;
    }
    const auto found = parent->find(n.name);
    return found == parent->end() || found->is_null() ? nullptr : &*found;
  }

 private:
  void add(std::string path, FormulaId fixed, std::string before, NodeId node = {}) {
    out_.push_back({std::move(path), fixed, std::move(before), node});
  }

  void keep(FormulaId formula) { frame_ = frame_.valid() ? f_.both(frame_, formula) : formula; }

  /// The past is not the request's to change.
  [[nodiscard]] std::string said(const WindowInput& window) const {
    for (const std::string& name : window.names) {
      if (const auto found = request_.windows.find(name); found != request_.windows.end()) {
        return found->second;
      }
    }
    return "0";
  }

  void add_text(const std::string& name, TextVar v) {
    static const std::map<std::string, std::string Witness::*> kPlain = {
        {"principal.id", &Witness::principal_id}, {"principal.tenant", &Witness::tenant},
        {"session.id", &Witness::session_id},     {"session.protocol", &Witness::protocol},
        {"client.name", &Witness::client_name},   {"client.version", &Witness::client_version}};
    if (const auto found = kPlain.find(name); found != kPlain.end()) {
      const std::string& value = request_.*found->second;
      add(name, f_.text_in(f_.variable(v), std::vector<std::string>{value}), dump(value));
    }
  }

  FormulaId holds_exactly(CollVar v, const std::vector<std::string>& items) {
    const TextVar other = const_text();
    FormulaId out = f_.negate(f_.some_of(v, other, f_.negate(f_.text_in(f_.variable(other), items))));
    for (const std::string& item : items) {
      out = f_.both(out, f_.member(v, f_.text(item)));
    }
    return out;
  }

  TextVar const_text() { return const_cast<World&>(world_).text("element of the request"); }

  void add_node(const FormulaScope& scope, NodeId id) {
    const JsonNode& node = world_.node(id);
    Witness copy = request_;
    std::string* const text = json_of(copy, node.root);
    const Json root = text == nullptr ? Json() : Json::parse(text->empty() ? "{}" : *text, nullptr, false);
    const Json* const value = text == nullptr ? nullptr : find(root, world_, id);
    const bool inner = std::any_of(node.children.begin(), node.children.end(),
                                   [&](NodeId child) { return scope.nodes.contains(child); });
    if (inner || !node.parent.valid()) {
      if (value != nullptr && value->is_object()) {
        keep(f_.tag_is(id, Tag::Object));
      }
      if (node.root == abi::InputRoot::ClientIp) {
        add_address(id);
      }
      return;
    }
    add(world_.path(id), fixed(id, node, value), value == nullptr ? "absent" : dump(*value), id);
  }

  void add_address(NodeId id) {
    // Its number is read by the engine; only whether there is one can be kept as it is.
    const bool there = !request_.client_ip.empty();
    const FormulaId same = there ? f_.tag_is(id, Tag::Text) : f_.tag_is(id, Tag::Absent);
    add("client.ip", same, there ? dump(request_.client_ip) : "absent", id);
  }

  FormulaId fixed(NodeId id, const JsonNode& node, const Json* value) {
    if (value == nullptr) {
      return f_.tag_is(id, Tag::Absent);
    }
    if (value->is_boolean()) {
      const FormulaId truth = f_.variable(node.truth);
      return f_.both(f_.tag_is(id, Tag::Bool), value->get<bool>() ? truth : f_.negate(truth));
    }
    if (value->is_number()) {
      FormulaId out = f_.both(f_.tag_is(id, Tag::Number), f_.negate(f_.variable(node.inexact)));
      value::Value exact;
      if (value::decimal::parse(dump(*value), &exact) == value::Status::Ok) {
        std::string numeral;
        value::decimal::append_text(numeral, exact);
        out = f_.both(out, f_.compare(FormulaOp::NumEq, f_.variable(node.number), f_.number(numeral)));
      }
      return out;
    }
    if (value->is_string()) {
      const std::string text = value->get<std::string>();
      FormulaId out = f_.both(f_.tag_is(id, Tag::Text),
                              f_.text_in(f_.variable(node.text), std::vector<std::string>{text}));
      for (const auto& [as, number] : node.parsed) {
        const std::optional<int64_t> us =
            as == "time" ? value::parse_time(text) : value::parse_duration(text);
        if (as != "ip" && us) {
          out = f_.both(out, f_.compare(FormulaOp::NumEq, f_.variable(number), f_.number(*us)));
        }
      }
      return out;
    }
    if (value->is_array()) {
      FormulaId out = f_.tag_is(id, Tag::List);
      std::vector<std::string> items;
      for (const Json& item : *value) {
        if (item.is_string()) {
          items.push_back(item.get<std::string>());
        }
      }
      for (const CollVar v : node.lists) {
        out = f_.both(out, holds_exactly(v, items));
      }
      return out;
    }
    return f_.tag_is(id, Tag::Object);
  }

  const World& world_;
  Formulas& f_;
  const Witness& request_;
  std::vector<Feature> out_;
  FormulaId frame_;
};

class Asker {
 public:
  Asker(const std::shared_ptr<ir::Module>& module, const source::SourceMap& sources, const Witness& request,
        Wanted wanted, const WhyNotOptions& options)
      : module_(module),
        sources_(sources),
        request_(request),
        wanted_(wanted),
        options_(options),
        world_(formulas_),
        rules_(world_, *module),
        solver_(world_, SolverOptions{options.effort}),
        trial_(module, sources) {}

  WhyNot run() {
    out_.now = trial_.run(request_);
    out_.already = reached(out_.now);
    if (out_.already) {
      return std::move(out_);
    }
    change_request();
    change_rules();
    if (!Budget::spend(0)) {
      out_.not_in_time = out_of_budget();
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] bool reached(const Decision& decision) const {
    return decision.allowed() == (wanted_ == Wanted::Allow);
  }

  void change_request() {
    Formulas& f = formulas_;
    const Slice slice = slice_of(rules_, request_.hook, request_.server, request_.tool);
    slice_rules_ = slice.rules.front();
    const Outcome parts = outcome(rules_, slice, 0, request_.hook);
    const FormulaId pass = passes(f, parts);
    question_ = f.both(wanted_ == Wanted::Allow ? pass : f.negate(pass), slice.constraint);
    FormulaScope scope(world_);
    scope.add(question_);
    Features features(world_, request_);
    features_ = features.collect(scope);
    question_ = f.both(question_, features.frame());
    if (features_.size() <= kFeaturesMax) {
      for (size_t count = 1; count <= options_.max_inputs && out_.requests.empty(); ++count) {
        std::vector<size_t> chosen;
        choose(0, count, chosen);
      }
    }
    if (out_.requests.empty()) {
      change_freely();
    }
  }

  void choose(size_t from, size_t count, std::vector<size_t>& chosen) {
    if (out_.requests.size() >= options_.max_answers || !Budget::spend(0)) {
      return;
    }
    if (count == 0) {
      FormulaId question = question_;
      for (size_t i = 0; i < features_.size(); ++i) {
        if (std::find(chosen.begin(), chosen.end(), i) == chosen.end()) {
          question = formulas_.both(question, features_[i].fixed);
        }
      }
      attempt(question, chosen);
      return;
    }
    for (size_t i = from; i + count <= features_.size(); ++i) {
      chosen.push_back(i);
      choose(i + 1, count - 1, chosen);
      chosen.pop_back();
    }
  }

  Answer::Kind attempt(FormulaId question, const std::vector<size_t>& chosen) {
    const Answer answer = solver_.ask(question);
    if (answer.kind != Answer::Kind::Possible) {
      add_reasons(answer);
      return answer.kind;
    }
    RequestPatch patch(world_, answer.model, request_);
    RequestChange change;
    for (const size_t i : chosen) {
      InputChange input = patch.apply(features_[i]);
      if (input.before != input.after) {
        change.inputs.push_back(std::move(input));
      }
    }
    change.request = patch.request();
    change.decision = trial_.run(change.request);
    if (reached(change.decision)) {
      for (InputChange& input : change.inputs) {
        approach(change, input);
      }
      out_.requests.push_back(std::move(change));
    } else {
      add_reasons(answer);
    }
    return answer.kind;
  }

  /// Moves a number that was changed as near to what it was as the verdict allows.
  void approach(RequestChange& change, InputChange& input) {
    const auto feature = std::ranges::find(features_, input.path, &Feature::path);
    const auto reaches = [&](const std::string& number) {
      RequestChange next = change;
      set_number(next.request, *feature, number);
      next.decision = trial_.run(next.request);
      if (!reached(next.decision)) {
        return false;
      }
      change.request = std::move(next.request);
      change.decision = std::move(next.decision);
      return true;
    };
    input.after = nearest_number(input.before, input.after, reaches);
  }

  void set_number(Witness& request, const Feature& feature, const std::string& number) {
    if (!feature.node.valid()) {
      request.risk = std::stoll(number);  // the one plain input that is a number
      return;
    }
    std::string& text = *json_of(request, world_.node(feature.node).root);
    Json::json_pointer at;
    for (const std::string& step : steps_to(world_, feature.node)) {
      at = Json::json_pointer() / step / at;
    }
    Json root = Json::parse(text, nullptr, false);
    root[at] = Json::parse(number, nullptr, false);
    text = dump(root);
  }

  void add_reasons(const Answer& answer) {
    for (Search::Reason& reason : reasons_of(world_, answer.opaque)) {
      const bool known = std::any_of(out_.reasons.begin(), out_.reasons.end(), [&](const Search::Reason& r) {
        return r.text == reason.text && r.span.begin == reason.span.begin;
      });
      if (!known) {
        out_.reasons.push_back(std::move(reason));
      }
    }
    if (answer.kind == Answer::Kind::Unknown && out_.reasons.empty()) {
      out_.reasons.push_back({{}, nullptr, answer.why});
    }
  }

  /// As many inputs as it takes.
  void change_freely() {
    std::vector<size_t> all(features_.size());
    for (size_t i = 0; i < all.size(); ++i) {
      all[i] = i;
    }
    out_.proved_none = attempt(question_, all) == Answer::Kind::Impossible;
    if (out_.proved_none) {
      out_.reasons.clear();
    }
  }

  /// Edits of rules about this tool, smallest first.
  void change_rules() {
    std::vector<Mutation> all = mutations(*module_);
    std::erase_if(all, [&](const Mutation& m) {
      return m.owner != Mutation::Owner::Rule ||
             std::find(slice_rules_.begin(), slice_rules_.end(), m.index) == slice_rules_.end();
    });
    std::stable_sort(all.begin(), all.end(),
                     [](const Mutation& a, const Mutation& b) { return a.kind < b.kind; });
    all.resize(std::min(all.size(), kMutantsMax));
    for (const Mutation& mutation : all) {
      if (out_.rules.size() >= options_.max_answers ||
          !Budget::spend(module_->rules.size() * kPlanningSteps)) {
        return;
      }
      const Mutant mutant(*module_, mutation);
      Trial trial(module_, sources_);
      Decision decision = trial.run(request_);
      if (reached(decision)) {
        out_.rules.push_back({mutation, module_->rules[mutation.index].name, std::move(decision)});
      }
    }
  }

  const std::shared_ptr<ir::Module>& module_;
  const source::SourceMap& sources_;
  const Witness& request_;
  Wanted wanted_;
  const WhyNotOptions& options_;
  Formulas formulas_;
  World world_;
  Rules rules_;
  Solver solver_;
  Trial trial_;
  FormulaId question_;
  std::vector<uint32_t> slice_rules_;
  std::vector<Feature> features_;
  WhyNot out_;
};

}  // namespace

WhyNot why_not(const std::shared_ptr<ir::Module>& module, const source::SourceMap& sources,
               const Witness& request, Wanted wanted, const WhyNotOptions& options) {
  return Asker(module, sources, request, wanted, options).run();
}

}  // namespace catalyst::analysis
