#include "compiler/check/regex.h"

#include <re2/re2.h>

namespace catalyst::check {

std::string regex_problem(const std::string& pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  const RE2 regex(pattern, options);
  return regex.ok() ? std::string() : regex.error();
}

}  // namespace catalyst::check
