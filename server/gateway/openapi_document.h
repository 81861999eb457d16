#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"

namespace catalyst::server {

/// Where an argument of an operation goes.
enum class OpenApiPlace : uint8_t { Path, Query, Header, Cookie };

struct OpenApiParameter {
  std::string argument;  // name of the tool's argument
  std::string name;      // on the wire
  OpenApiPlace place = OpenApiPlace::Query;
  bool explode = true;  // a list in the query: the name again for each element, else one value with commas
  bool deep = false;    // an object in the query: name[key]=value
};

/// One operation as a tool.
struct OpenApiOperation {
  std::string tool;
  std::string method;  // "GET"
  std::string path;    // "/pets/{id}", with the templates of path parameters
  std::vector<OpenApiParameter> parameters;
  bool has_body = false;   // the argument `body`, as JSON
  std::string definition;  // the tool's, JSON text
};

struct OpenApiDocument {
  std::string title;
  std::string version;
  std::string url;  // of the first server, "" when there is none
  std::vector<OpenApiOperation> operations;
  std::vector<std::string> left_out;  // operations that cannot be tools, with the reason
};

/// Reads an OpenAPI 3.0 or 3.1 document. Only references within it are followed. An error when it is no such
/// document, or holds more than `operations_max` operations.
Result<OpenApiDocument> read_openapi(const nlohmann::json& document, size_t operations_max);

/// One HTTP request: what goes where is decided by the document alone, whatever the arguments hold.
struct OpenApiRequest {
  std::string target;   // path and query, below the base
  std::string headers;  // whole lines
  std::string body;     // JSON; with has_body
};
/// Fills in the arguments. An error, for whoever wrote them, names the argument that has no place in an HTTP
/// request: a path segment that is empty or made of dots, a header with control bytes, a missing path
/// parameter.
Result<OpenApiRequest> make_request(const OpenApiOperation& operation, const nlohmann::json& arguments);

}  // namespace catalyst::server
