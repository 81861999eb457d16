// The library: its modules check, their tests hold in every tier, everything is documented, tested and in the
// reference.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "compiler/codegen/native.h"
#include "compiler/driver/compile.h"
#include "compiler/driver/library.h"
#include "compiler/frontend/format.h"
#include "compiler/frontend/format_expr.h"
#include "compiler/frontend/parse.h"
#include "runtime/decision/engine.h"
#include "runtime/value/builtin.h"
#include "server/commands/policy_tests.h"
#include "stdlib/stdlib.h"
#include "tests/support/golden.h"

namespace catalyst {
namespace {

/// As the files have it, so that a change shows without a build.
const std::vector<stdlib::Module>& modules_in_files() {
  static std::vector<std::pair<std::string, std::string>> files;
  static const std::vector<stdlib::Module> kModules = [] {
    for (const auto& entry : std::filesystem::directory_iterator(testing::repository_path("stdlib"))) {
      if (entry.path().extension() == ".cata") {
        files.emplace_back(entry.path().stem().string(), testing::read_file(entry.path().string()));
      }
    }
    std::sort(files.begin(), files.end());
    std::vector<stdlib::Module> out;
    for (const auto& [name, text] : files) {
      out.push_back({name, text});
    }
    return out;
  }();
  return kModules;
}

class Library : public ::testing::TestWithParam<stdlib::Module> {
 protected:
  Library() : path_("stdlib/" + std::string(GetParam().name) + ".cata") {
    file_ = sources_.add(path_, std::string(GetParam().text));
    tree_ = frontend::parse(sources_, file_, sink_);
  }

  std::string path_;
  source::SourceMap sources_;
  source::FileId file_;
  diagnostics::Sink sink_;
  ast::Ast tree_;
};

std::string rendered(const driver::Analysis& analysis) {
  std::string out;
  for (const diagnostics::Diagnostic& diagnostic : analysis.diagnostics.all()) {
    out += diagnostics::render(analysis.sources, diagnostic, diagnostics::Color::Never) + "\n";
  }
  return out;
}

/// Title and failures of every test, with an evaluator in place of the pack's.
std::string outcomes(const ir::Module& module, std::shared_ptr<const abi::Unit> unit) {
  const decision::Pack pack(std::move(unit));
  decision::Evaluator evaluator;
  std::string out;
  for (const ir::Test& test : module.tests) {
    out += test.title + "\n";
    for (const std::string& failure : server::run_policy_test(test, pack, evaluator).failures) {
      out += "  " + failure + "\n";
    }
  }
  return out;
}

TEST_P(Library, ChecksAndItsTestsHoldInEveryTier) {
  driver::AnalyzeOptions options;
  options.library = true;
  const driver::Analysis analysis = driver::analyze({{path_, std::string(GetParam().text)}}, options);
  EXPECT_EQ(rendered(analysis), "");
  ASSERT_NE(analysis.module, nullptr);
  EXPECT_FALSE(analysis.module->tests.empty());
  std::string all_hold;
  for (const ir::Test& test : analysis.module->tests) {
    EXPECT_FALSE(test.claims.empty()) << test.title;
    all_hold += test.title + "\n";
  }
  const auto packed = driver::compile_packed(analysis);
  EXPECT_EQ(outcomes(*analysis.module, packed), all_hold);
  for (const int level : {0, 2}) {
    // Without plans, so that the expectations themselves become native code.
    auto code = codegen::compile(analysis.module, {.opt_level = level, .trace = false});
    ASSERT_TRUE(code.has_value()) << code.error().message();
    EXPECT_GT((*code)->native_roots(), 0u);
    auto unit = std::make_shared<abi::Unit>(*packed);
    unit->evaluator = (*code)->evaluator();
    EXPECT_EQ(outcomes(*analysis.module, unit), all_hold) << "native at O" << level;
  }
}

TEST_P(Library, IsDocumentedTestedAndWellFormed) {
  ASSERT_FALSE(sink_.has_errors());
  EXPECT_EQ(frontend::format(sources_, tree_), GetParam().text) << path_ << ": run `catalyst fmt stdlib`";
  std::string tests;
  for (const ast::Decl* decl : tree_.declarations) {
    if (decl->kind == ast::DeclKind::Test) {
      tests += sources_.text(decl->span);
    }
  }
  for (const ast::Decl* decl : tree_.declarations) {
    if (decl->kind == ast::DeclKind::Pack) {
      EXPECT_EQ(static_cast<const ast::PackDecl*>(decl)->name.text, GetParam().name);
      EXPECT_NE(decl->doc, "") << path_;
    }
    if (decl->exported && decl->kind == ast::DeclKind::Fn) {
      const std::string& name = static_cast<const ast::FnDecl*>(decl)->name.text;
      EXPECT_NE(decl->doc, "") << path_ << ": " << name << " has no documentation";
      const bool called = tests.find(" " + name + "(") != std::string::npos ||
                          tests.find("(" + name + "(") != std::string::npos;
      EXPECT_TRUE(called) << path_ << ": no test calls " << name;
    }
  }
}

TEST_P(Library, HostFunctionsHaveTheirSignatures) {
  std::set<std::string> declared;
  for (const ast::Decl* decl : tree_.declarations) {
    const auto* function = decl->kind == ast::DeclKind::Fn ? static_cast<const ast::FnDecl*>(decl) : nullptr;
    if (function == nullptr || function->body->kind != ast::ExprKind::Name ||
        static_cast<const ast::NameExpr&>(*function->body).name != "host") {
      continue;
    }
    std::string signature = "(";
    for (const ast::Parameter& parameter : function->parameters) {
      signature += (signature.size() == 1 ? "" : ", ") + frontend::flat(*parameter.type);
    }
    signature += ") -> " + frontend::flat(*function->result);
    declared.insert(std::string(GetParam().name) + "." + function->name.text + signature);
  }
  std::set<std::string> provided;
  for (const value::BuiltinInfo& row : value::builtins()) {
    if (row.name.starts_with(std::string(GetParam().name) + ".")) {
      std::string signature(row.signature);
      for (const std::string word : {"pattern", "zone"}) {
        for (size_t at = signature.find(word); at != std::string::npos; at = signature.find(word)) {
          signature.replace(at, word.size(), "string");
        }
      }
      provided.insert(std::string(row.name) + signature);
    }
  }
  EXPECT_EQ(declared, provided);
}

INSTANTIATE_TEST_SUITE_P(Modules, Library, ::testing::ValuesIn(modules_in_files()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(LibraryReference, TheBinaryHoldsTheFiles) {
  const auto embedded = stdlib::modules();
  ASSERT_EQ(embedded.size(), modules_in_files().size());
  for (size_t i = 0; i < embedded.size(); i++) {
    EXPECT_EQ(embedded[i].name, modules_in_files()[i].name);
    EXPECT_EQ(embedded[i].text, modules_in_files()[i].text);
  }
}

TEST(LibraryReference, IsInStep) {
  std::string page =
      "# The library\n\n"
      "`import NAME` makes a module known in a file; its functions are called with the module in front. "
      "`catalyst explain text.pad_left` says\n"
      "what stands here. This page is made from `stdlib/*.cata`, whose tests show every function at work; a "
      "test holds it in step.\n\n"
      "```cata\nimport text\nrule blank on call db.query when text.is_blank(call.args.sql) deny\n```\n\n"
      "Functions without an import, on the types of the language itself, stand in "
      "[language.md](language.md#facts-lists-functions). In signatures "
      "`T` is any\ntype, `O` one that has an order.\n";
  for (const driver::LibraryModule& module : driver::library_modules(modules_in_files())) {
    page += "\n## " + module.name + "\n\n" + module.doc + "\n\n";
    for (const driver::LibraryEntry& entry : module.entries) {
      std::string doc = entry.doc;
      for (size_t at = doc.find('\n'); at != std::string::npos; at = doc.find('\n')) {
        doc[at] = ' ';
      }
      page += "- `" + entry.signature + "`: " + doc + "\n";
    }
  }
  const std::string file = testing::repository_path("docs/stdlib.md");
  if (std::getenv("UPDATE_GOLDENS") != nullptr) {
    std::ofstream(file) << page;
  }
  EXPECT_EQ(testing::read_file(file), page) << "again with UPDATE_GOLDENS=1";
  EXPECT_NE(driver::library_help("text.pad_left"), "");
  EXPECT_NE(driver::library_help("text"), "");
  EXPECT_EQ(driver::library_help("no.such"), "");
}

}  // namespace
}  // namespace catalyst
