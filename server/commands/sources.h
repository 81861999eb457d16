#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/driver/analyze.h"
#include "runtime/base/result.h"

namespace catalyst::server {

/// A whole file, at most `limit` bytes. "-" reads standard input.
Result<std::string> read_file(const std::string& path, size_t limit = size_t{64} * 1024 * 1024);
/// Replaces the file in one step (a reader sees the old or the new text, never half).
Result<void> write_file(const std::string& path, const std::string& text);

/// The .cata files that the arguments mean: a file is itself, a folder is every .cata file below it (hidden
/// folders and node_modules left out), no argument is the working directory. Sorted. An error when there is
/// none or an argument does not exist.
Result<std::vector<std::string>> find_sources(const std::vector<std::string>& arguments);

/// Reads and analyses the files as one policy; reading failures are Errors, mistakes are diagnostics in the
/// analysis. A single .catpack is loaded instead, everything in it verified but the signatures.
Result<driver::Analysis> analyze_files(const std::vector<std::string>& files,
                                       const Budget::Limits& bounds = {});

/// Prints the diagnostics to standard error and a closing line.
void print_diagnostics(const driver::Analysis& analysis);
/// "[{...},...]"
std::string diagnostics_json(const driver::Analysis& analysis);

/// "1 rule", "12 rules"
std::string counted(size_t count, std::string_view what);

/// "catalyst: MESSAGE" to standard error.
void print_error(const std::string& message);

}  // namespace catalyst::server
