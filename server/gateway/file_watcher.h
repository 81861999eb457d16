#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/result.h"

namespace catalyst::server {

/// Tells when one of a set of files changes. Watches their folders (editors replace files, so a watch on the
/// file itself would die with the old one), on a thread of its own.
class FileWatcher {
 public:
  /// `files` may name folders: then all `.cata` files below them. It is asked again after every change,
  /// because a policy may name further schema files; `changed` runs on the watcher's thread, once per burst:
  /// when nothing more happened for `debounce_ms`, at the latest after 20 times that. A file that was taken
  /// away or only created gets 100 ms to be put in place.
  static Result<std::unique_ptr<FileWatcher>> start(std::function<std::vector<std::string>()> files,
                                                    std::function<void()> changed, int64_t debounce_ms);
  ~FileWatcher();
  FileWatcher(const FileWatcher&) = delete;
  FileWatcher& operator=(const FileWatcher&) = delete;

  /// The set of files may have changed. Any thread.
  void refresh();

 private:
  struct Impl;
  explicit FileWatcher(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace catalyst::server
