#pragma once

// Internal to server/auth: a principal with everything its views point into.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/decision/request.h"
#include "server/config/config.h"

namespace catalyst::server {

/// Stays where it was made; shared by all requests of one token.
struct Identity {
  explicit Identity(PrincipalConfig from);
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;

  PrincipalConfig config;
  std::vector<std::string_view> roles;
  std::vector<std::string_view> scopes;
  decision::Principal principal;
  int64_t expires_us = INT64_MAX;
  std::vector<std::string> audiences;  // of a JWT; see any_endpoint
  bool any_endpoint = true;            // false: only where `audiences` names the endpoint
  uint32_t issuer = 0;                 // of a JWT
  uint64_t keys_version = 0;           // of the issuer's keys when its signature was checked
};
using IdentityPtr = std::shared_ptr<const Identity>;

}  // namespace catalyst::server
