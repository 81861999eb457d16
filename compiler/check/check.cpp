#include "compiler/check/check.h"

#include "compiler/check/annotations.h"
#include "compiler/check/pack.h"
#include "compiler/check/routes.h"
#include "compiler/check/rules.h"
#include "compiler/check/servers.h"
#include "compiler/check/tests.h"

namespace catalyst::check {

std::shared_ptr<ir::Module> check(std::span<const ast::Ast> files, const Imports& imports,
                                  const source::SourceMap& sources, const SchemaReader& read_schema,
                                  diagnostics::Sink& sink, SchemaCache* schemas) {
  auto module = std::make_shared<ir::Module>();
  Pack pack(sources, sink, *module);
  pack.names = collect_names(files, imports, sink);
  if (pack.names.pack != nullptr) {
    module->pack_name = pack.names.pack->name.text;
    module->pack_version = pack.names.pack->version.text;
  }
  pack.type_names.declare(pack.names, pack.enums);
  load_servers(pack, read_schema, schemas);
  pack.prepare();
  load_agents(pack, read_schema);
  for (const ast::Ast& file : files) {
    for (const ast::Decl* decl : file.declarations) {
      if (decl->kind != ast::DeclKind::Rule) {
        check_annotations(pack, *decl);
      }
    }
  }
  check_defaults(pack);
  check_rules(pack);
  check_routes(pack);
  check_properties(pack);
  check_tests(pack);
  pack.check_rest();
  for (const auto& server : pack.catalogue.servers()) {
    for (const Tool& tool : server->tools) {
      module->known_tools.push_back({server->name, tool.name});
    }
  }
  for (const Emitter::Failure& failure : pack.emitter.failures()) {
    sink.report(diagnostics::Kind::ConstantFails, failure.span,
                {std::string(value::status_name(failure.status))});
  }
  if (!sink.has_errors()) {
    pack.report_unused();
  }
  return sink.has_errors() ? nullptr : module;
}

}  // namespace catalyst::check
