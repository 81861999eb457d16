#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/asio.h"
#include "runtime/base/result.h"

namespace catalyst::server {

struct FetchOptions {
  std::string ca_file;           // PEM bundle to trust in place of the system's
  std::string certificate_file;  // PEM chain shown where one is asked for; with key_file
  std::string key_file;
  int64_t timeout_ms = 5'000;
  size_t max_body_bytes = 256 * 1024;
};

struct Fetched {
  int status = 0;
  std::string body;
};

/// One GET of a small JSON document. Redirects are not followed. Runs on the caller's io_context.
Task<Result<Fetched>> fetch(std::string url, FetchOptions options);

/// One POST of a form (application/x-www-form-urlencoded); `headers` are whole lines, each ended by CRLF.
Task<Result<Fetched>> post_form(std::string url, std::string headers, std::string form, FetchOptions options);

/// Percent-encodes for a form or a query: everything but unreserved characters (RFC 3986 section 2.3).
void append_form_encoded(std::string& out, std::string_view text);

}  // namespace catalyst::server
