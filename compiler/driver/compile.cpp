#include "compiler/driver/compile.h"

#include <optional>
#include <utility>

#include "compiler/codegen/native.h"
#include "compiler/driver/worker_job.h"
#include "compiler/ir/unit_builder.h"
#include "compiler/pack/module_codec.h"
#include "compiler/pack/native_object.h"
#include "compiler/pack/pack.h"

namespace catalyst::driver {
namespace {

codegen::Options codegen_options(const NativeOptions& options) {
  codegen::Options out;
  out.opt_level = options.opt_level;
  out.trace = options.trace;
  out.stop = options.stop;
  return out;
}

/// Names rules and how they are compiled. Everything else that code depends on is in its target: how we
/// compile, down to the plans, is the program.
pack::Digest made_from(const ir::Module& module, const codegen::Options& options) {
  std::string text = pack::write_module(module);
  text += options.trace ? 't' : '-';
  text += std::to_string(options.opt_level);
  return pack::sha256(text);
}

/// A unit with the code put into it. A unit of its own: the packed one is in use and must not change.
Result<std::shared_ptr<const abi::Unit>> with_code(const Analysis& analysis, std::shared_ptr<abi::Unit> unit,
                                                   const std::string& object,
                                                   const codegen::Options& options) {
  auto code = codegen::link(analysis.module, object, options, unit.get());
  if (code.has_error()) {
    return code.error();
  }
  codegen::NativeCode::install(std::move(*code), *unit);
  return std::shared_ptr<const abi::Unit>(std::move(unit));
}

Result<pack::NativeObject> read_offered(std::string_view offered, const pack::Digest& rules) {
  auto object = pack::read_native(offered, pack::Limits{}.memory_bytes);
  if (object.has_error()) {
    return object;
  }
  if (std::string problem = codegen::mismatch(object->target); !problem.empty()) {
    return error(std::move(problem));
  }
  if (object->made_from != rules) {
    return error("it was made from other rules");
  }
  return object;
}

/// Compiles into a unit of its own; `object` gets the code.
Result<std::shared_ptr<const abi::Unit>> compile(const Analysis& analysis, const codegen::Options& options,
                                                 const Worker* worker, std::string& object) {
  auto unit = ir::build_unit(analysis.module, analysis.sources);
  const std::string what = "compiling pack " + unit->pack_name;
  auto code = worker != nullptr
                  ? worker->ask(emit_job(analysis, options), options.code_bytes_max, options.stop)
                  : codegen::emit(*analysis.module, options, unit.get(), codegen::host_target());
  if (code.has_error()) {
    return add_context(code.error(), what);
  }
  object = std::move(*code);
  auto made = with_code(analysis, std::move(unit), object, options);
  return made.has_error() ? add_context(made.error(), what) : made;
}

}  // namespace

std::shared_ptr<const abi::Unit> compile_packed(const Analysis& analysis) {
  return ir::build_unit(analysis.module, analysis.sources);
}

NativeUnit native_at_hand(const Analysis& analysis, const NativeOptions& options) {
  NativeUnit out;
  if (options.cache == nullptr && options.offered.empty()) {
    return out;
  }
  const codegen::Options how = codegen_options(options);
  const pack::Digest rules = made_from(*analysis.module, how);
  const auto take = [&](const Result<pack::NativeObject>& object, NativeOrigin origin, const char* refusal) {
    auto unit = object.has_error() ? Result<std::shared_ptr<const abi::Unit>>(object.error())
                                   : with_code(analysis, ir::build_unit(analysis.module, analysis.sources),
                                               object->code, how);
    if (unit.has_error()) {
      out.remarks.push_back(refusal + unit.error().message());
      return;
    }
    out.unit = std::move(*unit);
    out.origin = origin;
  };
  if (!options.offered.empty()) {
    take(read_offered(options.offered, rules), NativeOrigin::Pack, "the pack's native code is not used: ");
  }
  if (out.unit == nullptr && options.cache != nullptr && codegen::mismatch(codegen::host_target()).empty()) {
    auto found = options.cache->find(codegen::host_target(), rules);
    if (found.has_error() || *found) {
      take(found.has_error() ? Result<pack::NativeObject>(found.error()) : std::move(**found),
           NativeOrigin::Cache, "kept native code is not used: ");
    }
  }
  return out;
}

Result<NativeUnit> compile_native(const Analysis& analysis, const NativeOptions& options) {
  const codegen::Options how = codegen_options(options);
  std::string object;
  auto unit = compile(analysis, how, options.worker, object);
  if (unit.has_error()) {
    return unit.error();
  }
  NativeUnit out;
  out.unit = std::move(*unit);
  if (options.cache != nullptr) {
    std::string problem = codegen::mismatch(codegen::host_target());
    if (problem.empty()) {
      const auto kept =
          options.cache->keep({codegen::host_target(), made_from(*analysis.module, how), std::move(object)});
      problem = kept.has_error() ? kept.error().message() : "";
    }
    if (!problem.empty()) {
      out.remarks.push_back("native code is not kept: " + problem);
    }
  }
  return out;
}

Result<std::shared_ptr<const abi::Unit>> compile_hottest(const Analysis& analysis,
                                                         std::vector<uint64_t> decided,
                                                         const NativeOptions& options) {
  codegen::Options how = codegen_options(options);
  how.decided = std::move(decided);
  std::string object;
  return compile(analysis, how, options.worker, object);
}

Result<std::string> native_part(const Analysis& analysis, const std::string& cpu) {
  const auto target =
      cpu == "native" ? Result<abi::Target>(codegen::host_target()) : codegen::named_target(cpu);
  if (target.has_error()) {
    return target.error();
  }
  if (target->program.empty()) {
    return error("this build of Catalyst has no build id, so no engine would use the code");
  }
  const codegen::Options options = codegen_options({});
  const auto unit = ir::build_unit(analysis.module, analysis.sources);
  auto code = codegen::emit(*analysis.module, options, unit.get(), *target);
  if (code.has_error()) {
    return add_context(code.error(), "native code for " + target->cpu);
  }
  return pack::write_native({*target, made_from(*analysis.module, options), std::move(*code)});
}

}  // namespace catalyst::driver
