#include "compiler/driver/compile.h"

#include "compiler/codegen/native.h"
#include "compiler/ir/unit_builder.h"

namespace catalyst::driver {

std::shared_ptr<const abi::Unit> compile_packed(const Analysis& analysis) {
  return ir::build_unit(analysis.module, analysis.sources);
}

Result<std::shared_ptr<const abi::Unit>> compile_native(const Analysis& analysis,
                                                        const NativeOptions& options) {
  // A unit of its own: the packed one is in use by other threads and must not change under them.
  const std::shared_ptr<abi::Unit> unit = ir::build_unit(analysis.module, analysis.sources);
  codegen::Options native;
  native.opt_level = options.opt_level;
  native.trace = options.trace;
  native.stop = options.stop;
  auto code = codegen::compile(analysis.module, native, unit.get());
  if (!code) {
    return add_context(code.error(), "compiling pack " + unit->pack_name);
  }
  codegen::NativeCode::install(std::move(*code), *unit);
  return std::shared_ptr<const abi::Unit>(unit);
}

}  // namespace catalyst::driver
