#include "server/gateway/file_watcher.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "runtime/observe/log.h"

namespace catalyst::server {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// After these a file is whole. The others come in the middle of a replacement, or are all that comes when a
/// file is removed or linked.
constexpr uint32_t kWhole = IN_CLOSE_WRITE | IN_MOVED_TO | IN_Q_OVERFLOW;
constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_MOVED_FROM;
/// How long a file may be missing or unfinished before that is told; editors take some milliseconds.
constexpr int64_t kReplacingMs = 100;
/// Kubernetes replaces mounted files by renaming a link of this name beside them.
constexpr std::string_view kMountLink = "..data";

}  // namespace

struct FileWatcher::Impl {
  std::function<std::vector<std::string>()> files;
  std::function<void()> changed;
  int64_t debounce_ms = 0;
  int inotify = -1;
  int signal = -1;  // eventfd: refresh or stop
  std::atomic<bool> stop{false};
  std::thread thread;

  std::map<int, std::string> folders;  // watch descriptor to folder
  std::set<std::string> names;         // absolute paths
  std::set<std::string> whole;         // folders of which every policy file counts

  ~Impl() {
    for (const int file : {inotify, signal}) {
      if (file >= 0) {
        ::close(file);
      }
    }
  }

  void set_watches() {
    names.clear();
    whole.clear();
    std::map<int, std::string> wanted;
    for (const std::string& file : files()) {
      std::error_code failure;
      const fs::path path = fs::absolute(file, failure).lexically_normal();
      if (fs::is_directory(path, failure)) {
        watch_below(path.has_filename() ? path : path.parent_path(), wanted);
        continue;
      }
      names.insert(path.string());
      watch(path.parent_path().string(), wanted);
    }
    for (const auto& [watch, folder] : folders) {
      if (wanted.count(watch) == 0) {
        inotify_rm_watch(inotify, watch);
      }
    }
    folders = std::move(wanted);
  }

  void watch_below(const fs::path& folder, std::map<int, std::string>& wanted) {
    std::error_code failure;
    std::vector<std::string> all = {folder.string()};
    for (fs::recursive_directory_iterator at(folder, failure), end; !failure && at != end;
         at.increment(failure)) {
      const std::string name = at->path().filename().string();
      if (name.starts_with('.') || name == "node_modules") {
        at.disable_recursion_pending();  // no policy files are looked for there
      } else if (at->is_directory(failure)) {
        all.push_back(at->path().string());
      }
    }
    for (const std::string& each : all) {
      whole.insert(each);
      watch(each, wanted);
    }
  }

  void watch(const std::string& folder, std::map<int, std::string>& wanted) {
    const int watch = inotify_add_watch(inotify, folder.c_str(), kEvents | IN_ONLYDIR);
    if (watch >= 0) {
      wanted[watch] = folder;
    } else {
      observe::log(observe::Level::Warn, "cannot watch a folder, reload by SIGHUP instead",
                   {{"folder", folder}, {"reason", std::string(std::strerror(errno))}});
    }
  }

  enum class Change : uint8_t { None, Begun, Whole };

  /// Reads what waits; answers the last event that concerns our files.
  Change drain_events() {
    alignas(inotify_event) char buffer[16 * 1024];
    Change last = Change::None;
    while (true) {
      const ssize_t length = ::read(inotify, buffer, sizeof buffer);
      if (length <= 0) {
        return last;
      }
      for (const char* at = buffer; at < buffer + length;) {
        const auto* event = reinterpret_cast<const inotify_event*>(at);
        at += sizeof(inotify_event) + event->len;
        if (concerns(*event)) {
          last = (event->mask & kWhole) != 0 ? Change::Whole : Change::Begun;
        }
      }
    }
  }

  [[nodiscard]] bool concerns(const inotify_event& event) const {
    if ((event.mask & IN_Q_OVERFLOW) != 0) {
      return true;  // events were lost: assume the worst
    }
    const auto folder = folders.find(event.wd);
    if (folder == folders.end() || event.len == 0) {
      return false;
    }
    const std::string_view name = event.name;
    return name == kMountLink || names.count(folder->second + "/" + event.name) > 0 ||
           (name.ends_with(".cata") && whole.count(folder->second) > 0);
  }

  /// Waits until the burst that began with `last` is over.
  void settle(Change last) {
    const auto begin = Clock::now();
    const auto latest = begin + std::chrono::milliseconds(std::max(20 * debounce_ms, kReplacingMs));
    pollfd waiting{inotify, POLLIN, 0};
    while (!stop && Clock::now() < latest) {
      const int64_t quiet_ms = last == Change::Whole ? debounce_ms : std::max(debounce_ms, kReplacingMs);
      if (::poll(&waiting, 1, static_cast<int>(quiet_ms)) <= 0) {
        return;
      }
      const Change next = drain_events();
      last = next == Change::None ? last : next;
    }
  }

  void run() {
    set_watches();
    pollfd waiting[2] = {{inotify, POLLIN, 0}, {signal, POLLIN, 0}};
    while (!stop) {
      if (::poll(waiting, 2, -1) < 0 && errno != EINTR) {
        return;
      }
      if ((waiting[1].revents & POLLIN) != 0) {
        uint64_t count = 0;
        [[maybe_unused]] const ssize_t length = ::read(signal, &count, sizeof count);
        if (!stop) {
          set_watches();
        }
      }
      const Change change = (waiting[0].revents & POLLIN) != 0 ? drain_events() : Change::None;
      if (change != Change::None) {
        settle(change);
        if (!stop) {
          changed();
        }
      }
    }
  }

  void poke() const {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t length = ::write(signal, &one, sizeof one);
  }
};

Result<std::unique_ptr<FileWatcher>> FileWatcher::start(std::function<std::vector<std::string>()> files,
                                                        std::function<void()> changed, int64_t debounce_ms) {
  auto impl = std::make_unique<Impl>();
  impl->files = std::move(files);
  impl->changed = std::move(changed);
  impl->debounce_ms = debounce_ms;
  impl->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  impl->signal = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (impl->inotify < 0 || impl->signal < 0) {
    return error({errno, boost::system::system_category()}, "cannot watch files");
  }
  Impl* raw = impl.get();
  impl->thread = std::thread([raw] { raw->run(); });
  return std::unique_ptr<FileWatcher>(new FileWatcher(std::move(impl)));
}

FileWatcher::FileWatcher(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

FileWatcher::~FileWatcher() {
  impl_->stop = true;
  impl_->poke();
  impl_->thread.join();
}

void FileWatcher::refresh() { impl_->poke(); }

}  // namespace catalyst::server
