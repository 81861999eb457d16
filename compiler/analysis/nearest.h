#pragma once

#include <functional>
#include <string>

namespace catalyst::analysis {

/// The number between `after`, for which something holds, and `before`, for which it does not, that is
/// nearest to `before` and for which it holds still: found by halves, in whole numbers when both are whole,
/// else in hundredths. JSON texts; `after` itself comes back when one is no number or beyond 10^12. The last
/// number for which `holds` said yes is the answer.
std::string nearest_number(const std::string& before, std::string after,
                           const std::function<bool(const std::string&)>& holds);

}  // namespace catalyst::analysis
