#include "compiler/driver/worker_job.h"

#include <vector>

#include "compiler/ir/unit_builder.h"
#include "compiler/pack/module_codec.h"
#include "compiler/pack/pack.h"
#include "compiler/pack/wire.h"

namespace catalyst::driver {

std::string emit_job(const Analysis& analysis, const codegen::Options& options) {
  std::vector<pack::SourceText> sources;
  for (uint32_t i = 0; i < analysis.sources.size(); ++i) {
    const source::FileId file(i);
    sources.push_back(
        {std::string(analysis.sources.path(file)), std::string(analysis.sources.text(file)), {}});
  }
  pack::Writer out;
  out(static_cast<uint64_t>(options.opt_level), options.trace, options.decided);
  out.text(pack::write_texts(sources));
  out.text(pack::write_module(*analysis.module));
  return out.take();
}

Result<std::string> do_job(std::string_view job) {
  const size_t memory = pack::Limits{}.memory_bytes;
  pack::Reader in(job, memory);
  codegen::Options options;
  uint64_t level = 0;
  in(level, options.trace, options.decided);
  options.opt_level = static_cast<int>(level);
  const std::string_view texts = in.text();
  const std::string_view rules = in.text();
  if (!in.ok() || !in.at_end()) {
    return error("this is no job for a worker" + (in.ok() ? std::string() : ": " + in.problem()));
  }
  auto sources = pack::read_texts(texts, memory);
  if (sources.has_error()) {
    return sources.error();
  }
  auto module = pack::read_module(rules, *sources, memory);
  if (module.has_error()) {
    return module.error();
  }
  source::SourceMap map;
  for (pack::SourceText& source : *sources) {
    map.add(std::move(source.path), std::move(source.text));
  }
  const auto unit = ir::build_unit(*module, map);
  return codegen::emit(**module, options, unit.get(), codegen::host_target());
}

}  // namespace catalyst::driver
