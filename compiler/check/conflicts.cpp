#include "compiler/check/conflicts.h"

#include <algorithm>
#include <map>
#include <optional>

#include "runtime/base/budget.h"

namespace catalyst::check {
namespace {

using Write = Conflicts::Write;

bool is_exact(const ir::TargetPattern& pattern) {
  return pattern.server.find('*') == std::string::npos && pattern.tool.find('*') == std::string::npos;
}

/// A tool that both patterns match; when their servers have schemas, one that exists.
std::optional<std::string> witness(const Catalogue& catalogue, abi::HookTarget form,
                                   const ir::TargetPattern& a, const ir::TargetPattern& b) {
  const std::optional<std::string> server = glob_overlap(a.server, b.server);
  const std::optional<std::string> tool = server ? glob_overlap(a.tool, b.tool) : std::nullopt;
  if (!tool) {
    return std::nullopt;
  }
  if (form != abi::HookTarget::Tool || catalogue.empty()) {
    return *server + "." + *tool;
  }
  for (const auto& each : catalogue.servers()) {
    if (!glob_matches(a.server, each->name) || !glob_matches(b.server, each->name)) {
      continue;
    }
    if (!each->has_schema) {
      return each->name + "." + *tool;
    }
    for (const Tool& known : each->tools) {
      if (glob_matches(a.tool, known.name) && glob_matches(b.tool, known.name)) {
        return each->name + "." + known.name;
      }
    }
  }
  return std::nullopt;
}

bool overlap(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  const size_t shared = std::min(a.size(), b.size());
  return std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(shared), b.begin());
}

std::string join(abi::Hook hook, const std::vector<std::string>& path) {
  std::string out(abi::hook_info(hook).set_root);
  for (const std::string& step : path) {
    out += "." + step;
  }
  return out;
}

/// One pattern of one write.
struct Entry {
  const Write* write;
  const ir::TargetPattern* pattern;
};

class Finder {
 public:
  explicit Finder(Pack& pack) : pack_(pack) {}

  /// Exact targets meet only their own tool's and the patterns with `*`, so the common case stays linear.
  void run(const std::vector<Entry>& entries) {
    std::map<std::pair<std::string_view, std::string_view>, std::vector<Entry>> exact;
    std::vector<Entry> wild;
    for (const Entry& entry : entries) {
      if (is_exact(*entry.pattern)) {
        auto& bucket = exact[{entry.pattern->server, entry.pattern->tool}];
        if (!meet_all(entry, bucket)) {
          bucket.push_back(entry);
        }
      } else {
        if (!meet_all(entry, wild)) {
          wild.push_back(entry);
        }
      }
    }
    for (const auto& [tool, bucket] : exact) {
      for (const Entry& entry : bucket) {
        meet_all(entry, wild);
      }
    }
  }

 private:
  /// True when the entry says what one of `others` says already, or when it has been reported: it need not be
  /// kept.
  bool meet_all(const Entry& entry, const std::vector<Entry>& others) {
    for (const Entry& other : others) {
      if (!Budget::spend()) {
        return true;
      }
      const Write& a = *other.write;
      const Write& b = *entry.write;
      if (a.path == b.path && a.value == b.value) {
        if (*other.pattern == *entry.pattern) {
          return true;
        }
        continue;
      }
      if (a.rule == b.rule && &a == &b) {
        continue;
      }
      if (!overlap(a.path, b.path)) {
        continue;
      }
      if (const auto tool =
              witness(pack_.catalogue, abi::hook_info(a.hook).target, *other.pattern, *entry.pattern)) {
        report(a, b, *tool);
        return true;
      }
    }
    return false;
  }

  void report(const Write& a, const Write& b, const std::string& tool) {
    const Write& later = a.span.file != b.span.file || a.span.begin > b.span.begin ? a : b;
    const Write& earlier = &later == &a ? b : a;
    if (a.path[0] == Conflicts::kDescription) {
      auto& text = pack_.sink.report(diagnostics::Kind::DescribeConflict, later.span,
                                     {later.rule->name.text, earlier.rule->name.text});
      text.notes.push_back({earlier.span, "the other text"});
      text.notes.push_back({{}, "both apply to `" + tool + "`"});
      return;
    }
    if (a.path[0] == Conflicts::kRoute) {
      auto& route = pack_.sink.report(diagnostics::Kind::RouteConflict, later.span,
                                      {later.rule->name.text, earlier.rule->name.text});
      route.notes.push_back({earlier.span, "the other route"});
      route.notes.push_back({{}, "both apply to `" + std::string(abi::hook_name(a.hook)) + " " + tool + "`"});
      return;
    }
    const std::string place = join(a.hook, a.path.size() < b.path.size() ? b.path : a.path);
    auto& diagnostic = pack_.sink.report(diagnostics::Kind::SetConflict, later.span,
                                         {later.rule->name.text, earlier.rule->name.text, place});
    diagnostic.notes.push_back({earlier.span, "the other value"});
    diagnostic.notes.push_back(
        {{}, "both apply to `" + std::string(abi::hook_name(a.hook)) + " " + tool + "`"});
  }

  Pack& pack_;
};

void append_key(const ir::Module& module, ir::ExprId id, std::string& key) {
  const ir::Expr& expr = module.expr(id);
  key += std::to_string(static_cast<int>(expr.op)) + "." + std::to_string(expr.type.index) + "." +
         std::to_string(expr.payload) + "(";
  for (uint32_t i = 0; i < expr.operand_count; ++i) {
    append_key(module, module.operand(expr, i), key);
  }
  key += ")";
}

}  // namespace

std::string expression_key(const ir::Module& module, ir::ExprId id) {
  std::string key;
  append_key(module, id, key);
  return key;
}

void Conflicts::report(Pack& pack) const {
  // Places that can touch each other share their first step.
  std::map<std::pair<abi::Hook, std::string_view>, std::vector<Entry>> groups;
  static const ir::TargetPattern kEverything{"*", "*"};
  for (const Write& write : writes_) {
    if (write.patterns.empty()) {
      groups[{write.hook, write.path[0]}].push_back({&write, &kEverything});
    }
    for (const ir::TargetPattern& pattern : write.patterns) {
      groups[{write.hook, write.path[0]}].push_back({&write, &pattern});
    }
  }
  for (const auto& [first, entries] : groups) {
    Finder(pack).run(entries);
  }
}

}  // namespace catalyst::check
