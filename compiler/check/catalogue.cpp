#include "compiler/check/catalogue.h"

#include <algorithm>
#include <map>
#include <utility>

#include "runtime/base/budget.h"

namespace catalyst::check {
namespace {

using types::Field;
using types::TypeKind;
using types::TypeTable;

bool is_glob(std::string_view text) { return text.find('*') != std::string_view::npos; }

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view text) {
  // The last star seen takes one more character whenever the rest does not fit: earlier stars never need to
  // be tried again.
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;
  size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') {
    ++p;
  }
  return p == pattern.size();
}

std::optional<std::string> glob_overlap(std::string_view a, std::string_view b) {
  if (!is_glob(a) || !is_glob(b)) {
    const bool a_fixed = !is_glob(a);
    const bool fits = a_fixed ? glob_matches(b, a) : glob_matches(a, b);
    return fits ? std::optional<std::string>(a_fixed ? a : b) : std::nullopt;
  }
  if (!Budget::spend(a.size() * b.size())) {
    return std::nullopt;
  }
  // Both are read from the back; next[i][j] says how a and b go on together from i and j. Cells are bytes: 0
  // no way, 1 end, 2 the star of a takes nothing, 3 the star of b takes nothing, 4 one character of both (or
  // of one under the other's star).
  const size_t n = a.size();
  const size_t m = b.size();
  std::vector<char> next((n + 1) * (m + 1), 0);
  const auto at = [&](size_t i, size_t j) -> char& { return next[i * (m + 1) + j]; };
  for (size_t i = n + 1; i-- > 0;) {
    for (size_t j = m + 1; j-- > 0;) {
      const bool star_a = i < n && a[i] == '*';
      const bool star_b = j < m && b[j] == '*';
      char& cell = at(i, j);
      if (i == n && j == m) {
        cell = 1;
      } else if (star_a && at(i + 1, j) != 0) {
        cell = 2;
      } else if (star_b && at(i, j + 1) != 0) {
        cell = 3;
      } else if (star_a && j < m && !star_b && at(i, j + 1) != 0) {
        cell = 4;
      } else if (star_b && i < n && !star_a && at(i + 1, j) != 0) {
        cell = 4;
      } else if (i < n && j < m && a[i] == b[j] && !star_a && at(i + 1, j + 1) != 0) {
        cell = 4;
      }
    }
  }
  if (at(0, 0) == 0) {
    return std::nullopt;
  }
  std::string witness;
  for (size_t i = 0, j = 0; i < n || j < m;) {
    const bool star_a = i < n && a[i] == '*';
    const bool star_b = j < m && b[j] == '*';
    if (at(i, j) == 2) {
      ++i;
    } else if (at(i, j) == 3) {
      ++j;
    } else {
      witness += star_a ? b[j] : a[i];
      i += star_a ? 0 : 1;
      j += star_b ? 0 : 1;
    }
  }
  return witness;
}

bool Catalogue::add(Server server) {
  auto owned = std::make_unique<Server>(std::move(server));
  for (size_t i = 0; i < owned->tools.size(); ++i) {
    owned->index.try_emplace(owned->tools[i].name, i);
  }
  if (!by_name_.try_emplace(owned->name, owned.get()).second) {
    return false;
  }
  servers_.push_back(std::move(owned));
  return true;
}

const Server* Catalogue::find(std::string_view name) const {
  const auto found = by_name_.find(std::string(name));
  return found == by_name_.end() ? nullptr : found->second;
}

void Catalogue::collect(const ir::TargetPattern& pattern, ToolSet& set) const {
  const auto from = [&](const Server& server) {
    if (!server.has_schema) {
      set.open = true;
      return;
    }
    if (!is_glob(pattern.tool)) {
      if (const auto found = server.index.find(pattern.tool); found != server.index.end()) {
        set.members.push_back({&server, &server.tools[found->second]});
      }
      return;
    }
    for (const Tool& tool : server.tools) {
      if (glob_matches(pattern.tool, tool.name)) {
        set.members.push_back({&server, &tool});
      }
    }
  };
  if (servers_.empty()) {
    set.open = true;
  } else if (!is_glob(pattern.server)) {
    if (const Server* server = find(pattern.server)) {
      from(*server);
    } else {
      set.open = true;  // diagnosed where the target stands
    }
  } else {
    for (const auto& server : servers_) {
      if (glob_matches(pattern.server, server->name)) {
        from(*server);
      }
    }
  }
}

const ToolSet& Catalogue::match(const std::vector<ir::TargetPattern>& patterns) {
  std::string key;
  for (const ir::TargetPattern& pattern : patterns) {
    key += pattern.server + '\0' + pattern.tool + '\0';
  }
  auto& slot = sets_[key];
  if (slot != nullptr) {
    return *slot;
  }
  auto set = std::make_unique<ToolSet>();
  for (const ir::TargetPattern& pattern : patterns) {
    set->text += (set->text.empty() ? "" : ", ") + pattern.server + "." + pattern.tool;
    collect(pattern, *set);
  }
  if (patterns.empty()) {
    set->text = "*.*";
    collect({"*", "*"}, *set);
  }
  std::vector<TypeId> inputs;
  std::vector<TypeId> outputs;
  for (const ToolSet::Member& member : set->members) {
    inputs.push_back(member.tool->input);
    outputs.push_back(member.tool->output);
  }
  set->args = merge(std::move(inputs), set->open, Merge::Strict, "arguments of " + set->text);
  set->structured = merge(std::move(outputs), set->open, Merge::Strict, "result of " + set->text);
  slot = std::move(set);
  return *slot;
}

const ToolSet& Catalogue::everything_leniently() {
  if (lenient_ == nullptr) {
    lenient_ = std::make_unique<ToolSet>(match({}));
    std::vector<TypeId> inputs;
    for (const ToolSet::Member& member : lenient_->members) {
      inputs.push_back(member.tool->input);
    }
    lenient_->args =
        merge(std::move(inputs), lenient_->open, Merge::Lenient, "arguments of " + lenient_->text);
  }
  return *lenient_;
}

TypeId Catalogue::merge(std::vector<TypeId> schemas, bool open, Merge how, const std::string& name) {
  std::sort(schemas.begin(), schemas.end());
  schemas.erase(std::unique(schemas.begin(), schemas.end()), schemas.end());
  if (open || schemas.empty()) {
    return TypeTable::kJson;
  }
  if (schemas.size() == 1) {
    return schemas[0];
  }
  std::string key(how == Merge::Strict ? "s" : "l");
  for (const TypeId schema : schemas) {
    if (types_.kind(schema) != TypeKind::Record) {
      return TypeTable::kJson;
    }
    key += std::to_string(schema.index) + ",";
  }
  const auto found = merged_.find(key);
  if (found != merged_.end()) {
    return found->second;
  }
  const TypeId type = merge_records(schemas, how, name);
  merged_.emplace(std::move(key), type);
  return type;
}

TypeId Catalogue::merge_records(const std::vector<TypeId>& schemas, Merge how, const std::string& name) {
  struct Seen {
    TypeId type;  // without its `?`
    size_t required = 0;
    size_t count = 0;
  };
  std::map<std::string, Seen> fields;
  for (const TypeId schema : schemas) {
    for (const Field& field : types_.get(schema).fields) {
      Seen& seen = fields[field.name];
      const TypeId inner = types_.strip_optional(field.type);
      seen.type = seen.count == 0 || seen.type == inner ? inner : TypeTable::kJson;
      seen.required += types_.is_optional(field.type) ? 0 : 1;
      ++seen.count;
    }
  }
  std::vector<Field> out;
  for (const auto& [field, seen] : fields) {
    const bool required = how == Merge::Strict ? seen.required == schemas.size() : seen.required > 0;
    out.push_back({field, required ? seen.type : types_.optional_of(seen.type)});
  }
  return types_.record_type(name, std::move(out), true);
}

}  // namespace catalyst::check
