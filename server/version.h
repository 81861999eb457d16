#pragma once

namespace catalyst::server {

inline constexpr const char* kVersion = CATALYST_VERSION;

}  // namespace catalyst::server
