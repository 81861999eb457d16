#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "compiler/pack/native_object.h"
#include "runtime/base/result.h"

namespace catalyst::driver {

/// Native code kept between starts: a folder with a file for each set of rules, processor and program. What
/// is in it is run, so folder and files must be this user's and writable by nobody else, and each file is
/// held against its own digest; what fits neither is not used. Files appear whole or not at all, so engines
/// may share a folder. Not thread-safe; blocks on the disk.
class NativeCache {
 public:
  struct Options {
    std::string folder;      // made when it is not there
    uint64_t bytes_max = 0;  // of all files; those used longest ago go first
  };

  explicit NativeCache(Options options) : options_(std::move(options)) {}

  /// Nothing when it is not kept. An error says why a file is not used; a broken one is removed.
  [[nodiscard]] Result<std::optional<pack::NativeObject>> find(const abi::Target& target,
                                                               const pack::Digest& made_from) const;
  /// Errors: the folder is somebody else's, the disk is full, the code is larger than the folder may be.
  [[nodiscard]] Result<void> keep(const pack::NativeObject& object) const;

 private:
  Options options_;
};

}  // namespace catalyst::driver
