// From a tool's arguments to an HTTP request. An argument fills its field and nothing else.

#include <algorithm>

#include "server/auth/fetch.h"
#include "server/gateway/openapi_document.h"

namespace catalyst::server {
namespace {

using Json = nlohmann::json;

std::string plain(const Json& value) {
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The elements of a list, or the value alone.
std::vector<std::string> elements(const Json& value) {
  std::vector<std::string> out;
  if (!value.is_array()) {
    return {plain(value)};
  }
  for (const Json& item : value) {
    out.push_back(plain(item));
  }
  return out;
}

Result<std::string> path_segment(const OpenApiParameter& parameter, const Json& value) {
  std::string out;
  std::string raw;
  for (const std::string& element : elements(value)) {
    out += out.empty() ? "" : ",";
    append_form_encoded(out, element);
    raw += element;
  }
  // "." and ".." are unreserved, and would walk through the path.
  if (raw.empty() || out.find_first_not_of('.') == std::string::npos) {
    return error(parameter.argument + " must not be empty or made of dots");
  }
  return out;
}

void add_query(std::string& query, std::string_view name, std::string_view value) {
  query += query.empty() ? '?' : '&';
  append_form_encoded(query, name);
  query += '=';
  append_form_encoded(query, value);
}

void query_parameter(std::string& query, const OpenApiParameter& parameter, const Json& value) {
  if (parameter.deep && value.is_object()) {
    for (const auto& [key, inner] : value.items()) {
      add_query(query, parameter.name + "[" + key + "]", plain(inner));
    }
    return;
  }
  if (value.is_array() && parameter.explode) {
    for (const std::string& element : elements(value)) {
      add_query(query, parameter.name, element);
    }
    return;
  }
  if (!value.is_array()) {
    return add_query(query, parameter.name, plain(value));
  }
  query += query.empty() ? '?' : '&';
  append_form_encoded(query, parameter.name);
  query += '=';
  bool first = true;
  for (const std::string& element : elements(value)) {
    query += first ? "" : ",";
    first = false;
    append_form_encoded(query, element);
  }
}

Result<std::string> header_value(const OpenApiParameter& parameter, const Json& value) {
  std::string out;
  for (const std::string& element : elements(value)) {
    out += (out.empty() ? "" : ",") + element;
  }
  const bool good =
      std::all_of(out.begin(), out.end(), [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
  if (!good) {
    return error(parameter.argument + " must be printable ASCII, because it goes into a header");
  }
  return out;
}

}  // namespace

Result<OpenApiRequest> make_request(const OpenApiOperation& operation, const Json& arguments) {
  OpenApiRequest out;
  std::string query;
  std::string cookies;
  std::vector<std::pair<std::string, std::string>> segments;
  for (const OpenApiParameter& parameter : operation.parameters) {
    const auto found = arguments.find(parameter.argument);
    const bool there = found != arguments.end() && !found->is_null();
    if (!there && parameter.place == OpenApiPlace::Path) {
      return error(parameter.argument + " is needed");
    }
    if (!there) {
      continue;
    }
    switch (parameter.place) {
      case OpenApiPlace::Path: {
        Result<std::string> segment = path_segment(parameter, *found);
        if (segment.has_error()) {
          return segment.error();
        }
        segments.emplace_back("{" + parameter.name + "}", std::move(*segment));
        break;
      }
      case OpenApiPlace::Query:
        query_parameter(query, parameter, *found);
        break;
      case OpenApiPlace::Header: {
        const Result<std::string> value = header_value(parameter, *found);
        if (value.has_error()) {
          return value.error();
        }
        out.headers += parameter.name + ": " + *value + "\r\n";
        break;
      }
      case OpenApiPlace::Cookie:
        cookies += (cookies.empty() ? "" : "; ") + parameter.name + "=";
        append_form_encoded(cookies, plain(*found));
        break;
    }
  }
  // From left to right over the template: what was filled in is not looked at again.
  for (size_t at = 0; at < operation.path.size();) {
    const auto segment = std::find_if(segments.begin(), segments.end(), [&](const auto& one) {
      return operation.path.compare(at, one.first.size(), one.first) == 0;
    });
    out.target += segment == segments.end() ? std::string(1, operation.path[at]) : segment->second;
    at += segment == segments.end() ? 1 : segment->first.size();
  }
  out.target += query;
  if (!cookies.empty()) {
    out.headers += "Cookie: " + cookies + "\r\n";
  }
  if (const auto body = arguments.find("body"); operation.has_body && body != arguments.end()) {
    out.body = body->dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  return out;
}

}  // namespace catalyst::server
