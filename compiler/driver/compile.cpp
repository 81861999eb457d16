#include "compiler/driver/compile.h"

#include <optional>
#include <utility>

#include "compiler/codegen/native.h"
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

/// One unit on its way to native code: what is there is tried first.
class NativeMaker {
 public:
  NativeMaker(const Analysis& analysis, const NativeOptions& options)
      : module_(analysis.module),
        unit_(ir::build_unit(analysis.module, analysis.sources)),
        options_(options),
        codegen_(codegen_options(options)) {}

  Result<NativeUnit> run() {
    if (options_.cache != nullptr || !options_.offered.empty()) {
      made_from_ = made_from(*module_, codegen_);
      if (take_offered() || take_kept()) {
        return std::move(out_);
      }
    }
    const auto object = codegen::emit(*module_, codegen_, unit_.get(), codegen::host_target());
    if (object.has_error()) {
      return add_context(object.error(), "compiling pack " + unit_->pack_name);
    }
    if (auto problem = install(*object, NativeOrigin::Compiled); problem.has_error()) {
      return add_context(problem.error(), "compiling pack " + unit_->pack_name);
    }
    keep(*object);
    return std::move(out_);
  }

 private:
  Result<void> install(const std::string& object, NativeOrigin origin) {
    auto code = codegen::link(module_, object, codegen_, unit_.get());
    if (code.has_error()) {
      return code.error();
    }
    codegen::NativeCode::install(std::move(*code), *unit_);
    out_.unit = unit_;
    out_.origin = origin;
    return {};
  }

  bool take_offered() {
    if (options_.offered.empty()) {
      return false;
    }
    const auto object = pack::read_native(options_.offered, pack::Limits{}.memory_bytes);
    std::string problem = object.has_error() ? object.error().message() : codegen::mismatch(object->target);
    if (problem.empty() && object->made_from != made_from_) {
      problem = "it was made from other rules";
    }
    if (problem.empty()) {
      const auto installed = install(object->code, NativeOrigin::Pack);
      problem = installed.has_error() ? installed.error().message() : "";
    }
    if (!problem.empty()) {
      out_.remarks.push_back("the pack's native code is not used: " + problem);
    }
    return problem.empty();
  }

  bool take_kept() {
    if (options_.cache == nullptr || !codegen::mismatch(codegen::host_target()).empty()) {
      return false;
    }
    auto found = options_.cache->find(codegen::host_target(), made_from_);
    std::optional<std::string> problem;
    if (found.has_error()) {
      problem = found.error().message();
    } else if (!*found) {
      return false;
    } else if (const auto installed = install((*found)->code, NativeOrigin::Cache); installed.has_error()) {
      problem = installed.error().message();
    }
    if (problem) {
      out_.remarks.push_back("kept native code is not used: " + *problem);
    }
    return !problem;
  }

  void keep(const std::string& object) {
    if (options_.cache == nullptr) {
      return;
    }
    std::string problem = codegen::mismatch(codegen::host_target());
    if (problem.empty()) {
      const auto kept = options_.cache->keep({codegen::host_target(), made_from_, object});
      problem = kept.has_error() ? kept.error().message() : "";
    }
    if (!problem.empty()) {
      out_.remarks.push_back("native code is not kept: " + problem);
    }
  }

  std::shared_ptr<const ir::Module> module_;
  std::shared_ptr<abi::Unit> unit_;  // of its own: the packed one is in use and must not change
  const NativeOptions& options_;
  codegen::Options codegen_;
  pack::Digest made_from_{};
  NativeUnit out_;
};

}  // namespace

std::shared_ptr<const abi::Unit> compile_packed(const Analysis& analysis) {
  return ir::build_unit(analysis.module, analysis.sources);
}

Result<NativeUnit> compile_native(const Analysis& analysis, const NativeOptions& options) {
  return NativeMaker(analysis, options).run();
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
