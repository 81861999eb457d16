#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/result.h"

namespace catalyst::redis {

/// Where a Redis is, and as whom to speak to it.
struct Address {
  std::string host;  // name or address, without brackets; "": `path` is set
  uint16_t port = 6379;
  std::string path;  // of a Unix socket
  std::string user;
  std::string password;
  uint32_t database = 0;

  /// As logs may show it: without the password.
  [[nodiscard]] std::string text() const;
};

/// redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE] or unix://[[USER]:PASSWORD@]/PATH[?db=DATABASE], percent
/// signs as in any URL. Errors say what is wrong and how it is written.
Result<Address> parse_address(std::string_view url);

}  // namespace catalyst::redis
