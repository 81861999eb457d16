#include "compiler/driver/native_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "compiler/pack/module_codec.h"

namespace catalyst::driver {
namespace {

constexpr std::string_view kMagic("CATCODE\x01", 8);  // the last byte is the format
constexpr size_t kHeadBytes = kMagic.size() + sizeof(pack::Digest);
constexpr std::string_view kSuffix = ".native";
constexpr std::string_view kUnfinished = ".part";
/// A file that was begun so long ago will not be finished.
constexpr time_t kUnfinishedSeconds = 3600;

/// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

Error system_error(const std::string& what) {
  return error(boost::system::error_code(errno, boost::system::system_category()), what);
}

/// Ours, and writable by nobody else?
bool is_private(const struct stat& status) {
  return status.st_uid == ::geteuid() && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/// The folder, held open so that what was looked at is what is used. Not valid, and no error: it is not
/// there.
Result<Descriptor> open_folder(const std::string& path) {
  Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) {
    return errno == ENOENT ? Result<Descriptor>(std::move(folder)) : system_error(path);
  }
  struct stat status{};
  if (::fstat(folder.get(), &status) != 0) {
    return system_error(path);
  }
  if (!is_private(status)) {
    return error(path + " belongs to another user or can be written by others; native code in it is not run");
  }
  return folder;
}

std::string file_name(const abi::Target& target, const pack::Digest& made_from) {
  return pack::hex(pack::sha256(pack::write_native({target, made_from, {}}))) + std::string(kSuffix);
}

Result<std::string> read_all(int fd, size_t bytes) {
  std::string out(bytes, '\0');
  size_t done = 0;
  while (done < bytes) {
    const ssize_t n = ::read(fd, out.data() + done, bytes - done);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return system_error("reading");
    }
    if (n == 0) {
      break;
    }
    done += static_cast<size_t>(n);
  }
  out.resize(done);
  return out;
}

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) {
      return system_error("writing");
    }
    bytes.remove_prefix(n < 0 ? 0 : static_cast<size_t>(n));
  }
  return {};
}

/// What stands in a file, if it is all there as it was written.
Result<pack::NativeObject> decode(std::string_view bytes) {
  if (bytes.size() < kHeadBytes || !bytes.starts_with(kMagic)) {
    return error("it ends too early or is something else");
  }
  pack::Digest digest{};
  std::copy_n(bytes.begin() + kMagic.size(), digest.size(), digest.begin());
  const std::string_view content = bytes.substr(kHeadBytes);
  if (pack::sha256(content) != digest) {
    return error("it was truncated or altered");
  }
  return pack::read_native(content, 2 * content.size());
}

struct Kept {
  std::string name;
  uint64_t bytes;
  timespec used;
};

/// Our files in the folder; those that will not be finished are removed.
std::vector<Kept> list(int folder) {
  std::vector<Kept> out;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(::dup(folder)), &::closedir);
  if (entries == nullptr) {
    return out;
  }
  ::rewinddir(entries.get());
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string name = entry->d_name;
    struct stat status{};
    if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode) ||
        !is_private(status)) {
      continue;
    }
    if (name.ends_with(kSuffix)) {
      out.push_back({name, static_cast<uint64_t>(status.st_size), status.st_mtim});
    } else if (name.ends_with(kUnfinished) && status.st_mtime + kUnfinishedSeconds < std::time(nullptr)) {
      ::unlinkat(folder, name.c_str(), 0);
    }
  }
  return out;
}

/// Room for `bytes` more: what was used longest ago goes.
void make_room(int folder, uint64_t bytes, uint64_t bytes_max) {
  std::vector<Kept> files = list(folder);
  std::sort(files.begin(), files.end(), [](const Kept& a, const Kept& b) {
    return std::pair(a.used.tv_sec, a.used.tv_nsec) < std::pair(b.used.tv_sec, b.used.tv_nsec);
  });
  uint64_t total = bytes;
  for (const Kept& file : files) {
    total += file.bytes;
  }
  for (const Kept& file : files) {
    if (total <= bytes_max) {
      return;
    }
    if (::unlinkat(folder, file.name.c_str(), 0) == 0) {
      total -= file.bytes;
    }
  }
}

}  // namespace

Result<std::optional<pack::NativeObject>> NativeCache::find(const abi::Target& target,
                                                            const pack::Digest& made_from) const {
  const auto folder = open_folder(options_.folder);
  if (folder.has_error()) {
    return folder.error();
  }
  const std::string name = file_name(target, made_from);
  const Descriptor file(
      folder->valid() ? ::openat(folder->get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
                      : -1);
  const std::string path = options_.folder + "/" + name;
  if (!file.valid()) {
    return !folder->valid() || errno == ENOENT ? Result<std::optional<pack::NativeObject>>(std::nullopt)
                                               : system_error(path);
  }
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) {
    return system_error(path);
  }
  if (!S_ISREG(status.st_mode) || !is_private(status)) {
    return error(path + " belongs to another user or can be written by others");
  }
  const auto size = static_cast<uint64_t>(status.st_size);
  const auto bytes = size > options_.bytes_max ? Result<std::string>(error("it is too large"))
                                               : read_all(file.get(), static_cast<size_t>(size));
  auto object = bytes.has_error() ? Result<pack::NativeObject>(bytes.error()) : decode(*bytes);
  if (object.has_value() && (object->target != target || object->made_from != made_from)) {
    object = error("it is native code of other rules, or for another processor");
  }
  if (object.has_error()) {
    ::unlinkat(folder->get(), name.c_str(), 0);
    return add_context(object.error(), path);
  }
  ::futimens(file.get(), nullptr);  // it was used now
  return std::optional(std::move(*object));
}

Result<void> NativeCache::keep(const pack::NativeObject& object) const {
  const std::string content = pack::write_native(object);
  const uint64_t bytes = kHeadBytes + content.size();
  if (bytes > options_.bytes_max) {
    return error("it takes " + std::to_string(bytes) + " bytes, and all that is kept may take " +
                 std::to_string(options_.bytes_max));
  }
  std::error_code problem;
  std::filesystem::create_directories(std::filesystem::path(options_.folder).parent_path(), problem);
  if (::mkdir(options_.folder.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    return system_error(options_.folder);
  }
  const auto folder = open_folder(options_.folder);
  if (folder.has_error()) {
    return folder.error();
  }
  make_room(folder->get(), bytes, options_.bytes_max);
  const std::string name = file_name(object.target, object.made_from);
  const std::string unfinished = name + "." + std::to_string(::getpid()) + std::string(kUnfinished);
  ::unlinkat(folder->get(), unfinished.c_str(), 0);  // of a process that had our number
  const Descriptor file(::openat(folder->get(), unfinished.c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!file.valid()) {
    return system_error(options_.folder);
  }
  const pack::Digest digest = pack::sha256(content);
  std::string head(kMagic);
  head.append(reinterpret_cast<const char*>(digest.data()), digest.size());
  for (const std::string_view part : {std::string_view(head), std::string_view(content)}) {
    if (auto written = write_all(file.get(), part); written.has_error()) {
      ::unlinkat(folder->get(), unfinished.c_str(), 0);
      return add_context(written.error(), options_.folder);
    }
  }
  // Not flushed: what a crash of the machine leaves behind fails its digest.
  if (::renameat(folder->get(), unfinished.c_str(), folder->get(), name.c_str()) != 0) {
    return system_error(options_.folder);
  }
  return {};
}

}  // namespace catalyst::driver
