#include <gtest/gtest.h>

#include "tests/support/golden.h"
#include "tests/unit/check/checked.h"

namespace catalyst::check {
namespace {

using testing::GoldenSource;

const bool kRegistered = testing::register_goldens(
    {.name = "CheckGolden",
     .directory = "tests/golden/check",
     .sections = {{"diagnostics",
                   [](const GoldenSource& golden) {
                     return Checked(golden.path, golden.text).diagnostics();
                   }},
                  {"ir", [](const GoldenSource& golden) { return Checked(golden.path, golden.text).ir(); }}},
     .defaults = {"diagnostics"}});

}  // namespace
}  // namespace catalyst::check
