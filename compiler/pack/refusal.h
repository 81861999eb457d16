#pragma once

#include <boost/system/error_code.hpp>
#include <string>
#include <string_view>

#include "runtime/base/result.h"

namespace catalyst::pack {

enum class Refusal : int {
  None,
#define REFUSAL(name, slug, text) name,
#include "compiler/pack/refusal.def"
#undef REFUSAL
};

/// "not-a-pack"; "" for codes of other modules.
std::string_view slug(const boost::system::error_code& code);

/// The error of a refused pack; `context` says what exactly is wrong.
Error refuse(Refusal why, std::string context);

}  // namespace catalyst::pack
