#pragma once

#include <string>
#include <string_view>

#include "compiler/codegen/native.h"
#include "compiler/driver/analyze.h"
#include "runtime/base/result.h"

namespace catalyst::driver {

/// What a worker is asked for, as bytes: object code of the analysis' module for this processor. Of
/// `options`, what changes the code goes along; limits are those of the program.
std::string emit_job(const Analysis& analysis, const codegen::Options& options);

/// Does what a job says. An error is the compiler's own: a limit of the code generator, or bytes that are no
/// job.
Result<std::string> do_job(std::string_view job);

}  // namespace catalyst::driver
