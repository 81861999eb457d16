#include "compiler/driver/rule_edit.h"

#include <algorithm>
#include <boost/system/errc.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "compiler/frontend/parse.h"

namespace catalyst::driver {
namespace {

/// How a line of a rule that is switched off begins.
constexpr std::string_view kOff = "//~ ";

/// Whole lines of one file.
struct Block {
  uint32_t file = 0;
  size_t begin = 0;
  size_t end = 0;  // behind the last line's end
};

struct Found {
  ListedRule rule;
  Block block;
};

size_t line_begin(std::string_view text, size_t at) {
  const size_t before = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
  return before == std::string_view::npos ? 0 : before + 1;
}

size_t line_end(std::string_view text, size_t at) {
  const size_t end = text.find('\n', at);
  return end == std::string_view::npos ? text.size() : end + 1;
}

/// With the documentation in front.
Block block_of(const source::SourceMap& sources, const source::Span& span) {
  const std::string_view text = sources.text(span.file);
  Block out{span.file.index, line_begin(text, span.begin), line_end(text, span.end == 0 ? 0 : span.end - 1)};
  while (out.begin > 0) {
    const size_t above = line_begin(text, out.begin - 1);
    if (!text.substr(above, out.begin - above).starts_with("///")) {
      break;
    }
    out.begin = above;
  }
  return out;
}

void find_enabled(const source::SourceMap& sources, uint32_t file, std::vector<Found>& out) {
  diagnostics::Sink ignored;  // the policy was compiled before
  const ast::Ast tree = frontend::parse(sources, source::FileId(file), ignored);
  for (const ast::Decl* decl : tree.declarations) {
    if (decl->kind != ast::DeclKind::Rule) {
      continue;
    }
    const auto& rule = static_cast<const ast::RuleDecl&>(*decl);
    Found found;
    found.rule.name = rule.name.text;
    found.rule.hook = rule.hook.text;
    found.rule.doc = rule.doc;
    found.rule.text = sources.text(rule.span);
    found.rule.file = sources.path(rule.span.file);
    found.rule.line = sources.position(rule.span.file, rule.span.begin).line;
    found.block = block_of(sources, rule.span);
    out.push_back(std::move(found));
  }
}

std::string without_marks(std::string_view lines) {
  std::string out;
  for (size_t at = 0; at < lines.size();) {
    const size_t end = line_end(lines, at);
    out.append(lines.substr(at + kOff.size(), end - at - kOff.size()));
    at = end;
  }
  return out;
}

std::string with_marks(std::string_view lines) {
  std::string out;
  for (size_t at = 0; at < lines.size();) {
    const size_t end = line_end(lines, at);
    out.append(kOff).append(lines.substr(at, end - at));
    at = end;
  }
  return out;
}

/// A run of marked lines is one rule: switching off writes an empty line behind it.
void find_disabled(const source::SourceMap& sources, uint32_t file, std::vector<Found>& out) {
  const std::string_view text = sources.text(source::FileId(file));
  for (size_t at = 0; at < text.size();) {
    if (!text.substr(at).starts_with(kOff)) {
      at = line_end(text, at);
      continue;
    }
    const size_t begin = at;
    while (at < text.size() && text.substr(at).starts_with(kOff)) {
      at = line_end(text, at);
    }
    source::SourceMap alone;
    alone.add(std::string(sources.path(source::FileId(file))), without_marks(text.substr(begin, at - begin)));
    std::vector<Found> inside;
    find_enabled(alone, 0, inside);
    for (Found& found : inside) {
      found.rule.enabled = false;
      found.rule.line += sources.position(source::FileId(file), static_cast<uint32_t>(begin)).line - 1;
      found.block = {file, begin, at};
      out.push_back(std::move(found));
    }
  }
}

bool is_own(const Analysis& policy, uint32_t file) { return policy.imported[file].empty(); }

std::vector<Found> find_rules(const Analysis& policy) {
  std::vector<Found> out;
  for (uint32_t file = 0; file < policy.sources.size(); file++) {
    if (is_own(policy, file)) {
      find_enabled(policy.sources, file, out);
      find_disabled(policy.sources, file, out);
    }
  }
  return out;
}

SourceFile source_file(const Analysis& policy, uint32_t file) {
  const source::FileId id(file);
  return {std::string(policy.sources.path(id)), std::string(policy.sources.text(id))};
}

Error none(std::string what) {
  return error(make_error_code(boost::system::errc::no_such_file_or_directory), std::move(what));
}

/// What the block of lines becomes.
std::string changed(RuleEdit::Kind kind, std::string_view lines) {
  switch (kind) {
    case RuleEdit::Kind::Add:
      break;
    case RuleEdit::Kind::Remove:
      return "";
    case RuleEdit::Kind::Disable:
      return with_marks(lines) + (lines.ends_with('\n') ? "\n" : "\n\n");
    case RuleEdit::Kind::Enable:
      return without_marks(lines);
  }
  return std::string(lines);
}

}  // namespace

std::vector<ListedRule> list_rules(const Analysis& policy) {
  std::vector<ListedRule> out;
  for (Found& found : find_rules(policy)) {
    out.push_back(std::move(found.rule));
  }
  return out;
}

Result<std::vector<SourceFile>> edit_rules(const Analysis& policy, const RuleEdit& edit) {
  std::vector<SourceFile> files;
  std::vector<size_t> place(policy.sources.size());  // of a file among the policy's own
  for (uint32_t file = 0; file < policy.sources.size(); file++) {
    place[file] = files.size();
    if (is_own(policy, file)) {
      files.push_back(source_file(policy, file));
    }
  }
  if (edit.kind == RuleEdit::Kind::Add) {
    if (files.empty()) {
      return none("the policy has no source");
    }
    files.front()
        .text.append(files.front().text.ends_with('\n') ? "\n" : "\n\n")
        .append(edit.text)
        .append("\n");
    return files;
  }
  const bool wants_enabled = edit.kind == RuleEdit::Kind::Disable;
  const bool wants_disabled = edit.kind == RuleEdit::Kind::Enable;
  for (const Found& found : find_rules(policy)) {
    if (found.rule.name == edit.name && (!wants_enabled || found.rule.enabled) &&
        (!wants_disabled || !found.rule.enabled)) {
      std::string& text = files[place[found.block.file]].text;
      const size_t length = found.block.end - found.block.begin;
      text.replace(found.block.begin, length, changed(edit.kind, text.substr(found.block.begin, length)));
      return files;
    }
  }
  return none(std::string(wants_disabled ? "no rule is switched off that is" : "there is no rule") +
              " called " + edit.name);
}

Result<PackBuild> edit_pack(const Analysis& policy, const std::vector<pack::SourceText>& schemas,
                            const RuleEdit& edit, NextRelease next) {
  auto files = edit_rules(policy, edit);
  if (files.has_error()) {
    return files.error();
  }
  AnalyzeOptions reading;
  reading.budget = next.budget;
  reading.read_schema = [&](const std::string& path) -> std::optional<std::string> {
    const auto found =
        std::find_if(schemas.begin(), schemas.end(), [&](const auto& schema) { return schema.path == path; });
    return found == schemas.end() ? std::nullopt : std::optional(found->text);
  };
  reading.read_pack = [&](const std::string& path) -> Result<std::vector<SourceFile>> {
    std::vector<SourceFile> imported;
    for (uint32_t file = 0; file < policy.sources.size(); file++) {
      if (policy.imported[file] == path) {
        imported.push_back(source_file(policy, file));
      }
    }
    return imported.empty() ? Result<std::vector<SourceFile>>(none(path + " is not in the pack")) : imported;
  };
  return build_pack({std::move(*files), next.sequence, std::move(next.compiler)}, reading);
}

}  // namespace catalyst::driver
