#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "compiler/ir/ir.h"
#include "compiler/pack/manifest.h"
#include "runtime/base/result.h"

namespace catalyst::pack {

/// Names the notation of modules and the meaning of what stands in them: 16 hexadecimal digits over every
/// field, instruction, hook, input and built-in function. Programs with the same fingerprint read each
/// other's modules.
const std::string& ir_format();

std::string write_module(const ir::Module& module);
std::string write_tests(const ir::Module& module);

/// Reads a module and lets nothing through that evaluation could not survive: notation, ir::verify, places
/// within `sources`, regular expressions. `memory_bytes` bounds what it takes.
Result<std::shared_ptr<ir::Module>> read_module(std::string_view bytes,
                                                const std::vector<SourceText>& sources, size_t memory_bytes);

std::string write_texts(const std::vector<SourceText>& texts);
Result<std::vector<SourceText>> read_texts(std::string_view bytes, size_t memory_bytes);

Digest sha256(std::string_view bytes);
/// Lower-case hexadecimal digits.
std::string hex(const Digest& digest);

}  // namespace catalyst::pack
