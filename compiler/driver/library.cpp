#include "compiler/driver/library.h"

#include "compiler/check/names.h"
#include "compiler/frontend/format_expr.h"
#include "compiler/frontend/parse.h"
#include "runtime/base/check.h"

namespace catalyst::driver {
namespace {

std::string signature_of(const ast::Decl& decl) {
  const std::string& name = check::name_of(decl).text;
  if (decl.kind != ast::DeclKind::Fn) {
    return name;
  }
  const auto& function = static_cast<const ast::FnDecl&>(decl);
  std::string out = name + "(";
  for (const ast::Parameter& parameter : function.parameters) {
    out += (out.back() == '(' ? "" : ", ") + parameter.name.text + ": " + frontend::flat(*parameter.type);
  }
  return out + ") -> " + frontend::flat(*function.result);
}

std::string help_of(const LibraryModule& module, const LibraryEntry& entry) {
  return module.name + "." + entry.signature + "\n\n" + entry.doc + "\n\nimport " + module.name + "\n";
}

std::string help_of(const LibraryModule& module) {
  std::string out = "import " + module.name + "\n\n" + module.doc + "\n";
  for (const LibraryEntry& entry : module.entries) {
    out += "\n" + module.name + "." + entry.signature;
  }
  return out + "\n";
}

}  // namespace

std::vector<LibraryModule> library_modules(std::span<const stdlib::Module> modules) {
  std::vector<LibraryModule> out;
  for (const stdlib::Module& module : modules) {
    source::SourceMap sources;
    diagnostics::Sink sink;
    const source::FileId file =
        sources.add("stdlib/" + std::string(module.name) + ".cata", std::string(module.text));
    const ast::Ast tree = frontend::parse(sources, file, sink);
    CHECK(!sink.has_errors(), "the library is well formed");
    LibraryModule& described = out.emplace_back();
    described.name = module.name;
    for (const ast::Decl* decl : tree.declarations) {
      if (decl->kind == ast::DeclKind::Pack) {
        described.doc = decl->doc;
      } else if (decl->exported) {
        described.entries.push_back({check::name_of(*decl).text, signature_of(*decl), decl->doc});
      }
    }
  }
  return out;
}

std::string library_help(std::string_view name) {
  const size_t dot = name.find('.');
  const std::string_view wanted = dot == std::string_view::npos ? name : name.substr(dot + 1);
  std::string out;
  for (const LibraryModule& module : library_modules()) {
    if (module.name == name) {
      return help_of(module);
    }
    for (const LibraryEntry& entry : module.entries) {
      if (entry.name == wanted && (dot == std::string_view::npos || module.name == name.substr(0, dot))) {
        out += (out.empty() ? "" : "\n") + help_of(module, entry);
      }
    }
  }
  return out;
}

}  // namespace catalyst::driver
