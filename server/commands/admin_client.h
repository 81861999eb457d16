#pragma once

#include <string>
#include <string_view>

#include "runtime/base/result.h"

namespace catalyst::server {

struct AdminAnswer {
  int status = 0;
  std::string body;  // JSON
};

/// One request to the admin API of a running engine. `base` is its address, "http://127.0.0.1:8080"; `token`
/// may be empty.
Result<AdminAnswer> call_admin(const std::string& base, std::string_view method, std::string_view path,
                               std::string_view body, std::string_view type, const std::string& token);

}  // namespace catalyst::server
