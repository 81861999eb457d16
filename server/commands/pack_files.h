#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "compiler/pack/native_object.h"
#include "compiler/pack/pack.h"
#include "compiler/pack/sign.h"
#include "runtime/base/result.h"
#include "server/commands/command.h"

namespace catalyst::server {

/// A pack's bytes as they stand on disk; nothing is looked at.
Result<std::string> read_pack_file(const std::string& path);

/// Public keys of PEM files; a key's name is the name of its file.
Result<std::vector<pack::Key>> read_public_keys(const std::vector<std::string>& paths);

/// The native code in a pack, if there is any that can be read.
std::optional<pack::NativeObject> native_of(const pack::Opened& pack);

/// What `inspect` shows: manifest, digest, signatures.
nlohmann::ordered_json pack_json(const pack::Opened& pack);

/// Says why a pack was refused, as text or JSON; the exit code of such a command.
Exit refused(const Error& why, bool json);

}  // namespace catalyst::server
