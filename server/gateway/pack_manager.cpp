#include "server/gateway/pack_manager.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <optional>
#include <sstream>
#include <stop_token>
#include <thread>

#include "compiler/driver/compile.h"
#include "runtime/base/check.h"
#include "runtime/observe/log.h"

namespace catalyst::server {
namespace {

using observe::Level;
using Clock = std::chrono::steady_clock;

constexpr int kNativeNice = 10;
constexpr size_t kFileBytesMax = size_t{16} * 1024 * 1024;

int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::optional<std::string> read_whole(const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in || in.tellg() < 0 || static_cast<size_t>(in.tellg()) > kFileBytesMax) {
    return std::nullopt;
  }
  in.seekg(0);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// One reading of the policy: all texts, and what they mean.
struct Attempt {
  std::vector<std::pair<std::string, std::string>>
      texts;                                   // path and content; a missing file has the content "\0missing"
  std::shared_ptr<driver::Analysis> analysis;  // nullptr when a policy file could not be read
  std::string unreadable;
};

Attempt read_and_analyze(const std::vector<std::string>& files, check::SchemaCache& schemas) {
  Attempt attempt;
  std::vector<driver::SourceFile> sources;
  for (const std::string& file : files) {
    std::optional<std::string> text = read_whole(file);
    attempt.texts.emplace_back(file, text.value_or(std::string("\0missing", 8)));
    if (!text) {
      attempt.unreadable += "cannot read " + file + "\n";
      continue;
    }
    sources.push_back({file, std::move(*text)});
  }
  if (!attempt.unreadable.empty()) {
    return attempt;
  }
  driver::AnalyzeOptions options;
  options.schemas = &schemas;
  options.read_schema = [&attempt](const std::string& path) {
    std::optional<std::string> text = read_whole(path);
    attempt.texts.emplace_back(path, text.value_or(std::string("\0missing", 8)));
    return text;
  };
  attempt.analysis = std::make_shared<driver::Analysis>(driver::analyze(std::move(sources), options));
  return attempt;
}

ReloadOutcome failure_of(const Attempt& attempt) {
  ReloadOutcome outcome;
  outcome.diagnostics_json = "[]";
  if (attempt.analysis == nullptr) {
    outcome.text = attempt.unreadable;
    return outcome;
  }
  outcome.diagnostics_json = "[";
  for (const diagnostics::Diagnostic& diagnostic : attempt.analysis->diagnostics.all()) {
    outcome.text +=
        diagnostics::render(attempt.analysis->sources, diagnostic, diagnostics::Color::Never) + "\n";
    outcome.diagnostics_json += outcome.diagnostics_json.size() > 1 ? "," : "";
    outcome.diagnostics_json += diagnostics::to_json(attempt.analysis->sources, diagnostic);
  }
  outcome.diagnostics_json += "]";
  return outcome;
}

void log_failure(const Attempt& attempt) {
  if (attempt.analysis == nullptr) {
    observe::log(Level::Error, "policy not loaded, the old one stays in force",
                 {{"reason", attempt.unreadable}});
    return;
  }
  observe::log(Level::Error, "policy not loaded, the old one stays in force",
               {{"errors", uint64_t{attempt.analysis->diagnostics.error_count()}}});
  for (const diagnostics::Diagnostic& diagnostic : attempt.analysis->diagnostics.all()) {
    const auto at = diagnostic.span.valid()
                        ? attempt.analysis->sources.position(diagnostic.span.file, diagnostic.span.begin)
                        : source::LineColumn{};
    const std::string_view file =
        diagnostic.span.valid() ? attempt.analysis->sources.path(diagnostic.span.file) : "";
    observe::log(Level::Error, diagnostic.message,
                 {{"code", diagnostics::info(diagnostic.kind).code},
                  {"file", file},
                  {"line", at.line},
                  {"column", at.column},
                  {"help", diagnostic.fixes.empty() ? std::string_view() : diagnostic.fixes.front().label}});
  }
}

}  // namespace

struct PackManager::Impl {
  std::vector<std::string> files;
  Hooks hooks;
  std::unique_ptr<decision::Engine> engine;
  check::SchemaCache schemas;  // of the compiling thread

  mutable std::mutex mutex;  // guards everything below
  std::condition_variable wake;
  bool stop = false;
  bool wanted = false;
  bool forced = false;
  std::vector<std::function<void(const ReloadOutcome&)>> waiting;
  std::shared_ptr<driver::Analysis> for_native;  // the newest policy without native code
  std::stop_source outdated;                     // of the compilation of native code that is under way
  PackStatus status;
  std::vector<std::pair<std::string, std::string>> last_texts;

  std::thread compiler;
  std::thread native;

  /// Reads, compiles the packed form and puts it in force.
  ReloadOutcome attempt_reload(bool always) {
    const auto start = Clock::now();
    Attempt attempt = read_and_analyze(files, schemas);
    {
      const std::lock_guard lock(mutex);
      if (!always && attempt.texts == last_texts) {
        ReloadOutcome outcome;
        outcome.ok = status.last_error.empty();
        outcome.unchanged = true;
        outcome.text = status.last_error;
        return outcome;
      }
      last_texts = attempt.texts;
    }
    if (attempt.analysis == nullptr || attempt.analysis->module == nullptr) {
      ReloadOutcome outcome = failure_of(attempt);
      const std::lock_guard lock(mutex);
      status.last_error = outcome.text;
      status.last_error_at_ms = now_ms();
      if (engine != nullptr) {
        log_failure(attempt);
      }
      return outcome;
    }
    auto pack = std::make_shared<const decision::Pack>(driver::compile_packed(*attempt.analysis));
    put_in_force(pack);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    accept(*attempt.analysis->module, seconds);
    {
      const std::lock_guard lock(mutex);
      for_native = attempt.analysis;
      outdated.request_stop();
    }
    wake.notify_all();
    ReloadOutcome outcome = failure_of(attempt);  // warnings
    outcome.ok = true;
    return outcome;
  }

  void put_in_force(const std::shared_ptr<const decision::Pack>& pack) {
    if (hooks.before_swap) {
      hooks.before_swap(pack);
    }
    if (engine == nullptr) {
      engine = std::make_unique<decision::Engine>(pack);
    } else {
      engine->swap(pack);
    }
  }

  void accept(const ir::Module& module, double seconds) {
    const std::lock_guard lock(mutex);
    status.name = module.pack_name;
    status.version = module.pack_version;
    status.tier = "packed";
    status.rules = static_cast<uint32_t>(module.rules.size());
    ++status.generation;
    status.compile_seconds = seconds;
    status.loaded_at_ms = now_ms();
    status.files = files;
    status.last_error.clear();
    observe::log(Level::Info, "policy in force",
                 {{"pack", status.name},
                  {"version", status.version},
                  {"rules", status.rules},
                  {"generation", status.generation},
                  {"ms", std::round(seconds * 1e6) / 1e3}});
  }

  void run_compiler() {
    std::unique_lock lock(mutex);
    while (true) {
      wake.wait(lock, [this] { return wanted || stop; });
      if (stop) {
        return;
      }
      wanted = false;
      const bool always = std::exchange(forced, false);
      auto answers = std::exchange(waiting, {});
      lock.unlock();
      const ReloadOutcome outcome = attempt_reload(always);
      if (!outcome.unchanged && hooks.reloaded) {
        hooks.reloaded(outcome.ok);
      }
      for (const auto& answer : answers) {
        answer(outcome);
      }
      lock.lock();
    }
  }

  void run_native() {
    // Requests and the packed form of the next policy go first. Without effect where the system refuses.
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNativeNice);
    std::unique_lock lock(mutex);
    while (true) {
      wake.wait(lock, [this] { return for_native != nullptr || stop; });
      if (stop) {
        return;
      }
      const std::shared_ptr<driver::Analysis> analysis = std::exchange(for_native, nullptr);
      const uint64_t generation = status.generation;
      outdated = std::stop_source();
      const std::stop_token stop_asked = outdated.get_token();
      lock.unlock();
      go_native(*analysis, generation, stop_asked);
      lock.lock();
    }
  }

  void go_native(const driver::Analysis& analysis, uint64_t generation, const std::stop_token& stop_asked) {
    const auto start = Clock::now();
    auto unit = driver::compile_native(analysis, {.stop = stop_asked});
    if (stop_asked.stop_requested()) {
      return;
    }
    if (unit.has_error()) {
      observe::log(Level::Warn, "no native code, the packed form decides",
                   {{"reason", unit.error().message()}});
      return;
    }
    auto pack = std::make_shared<const decision::Pack>(*unit);
    if (hooks.before_swap) {
      hooks.before_swap(pack);
    }
    // Under the lock, so that native code of an older policy never replaces a newer one.
    const std::lock_guard lock(mutex);
    if (stop || status.generation != generation) {
      return;
    }
    engine->swap(pack);
    status.tier = "native";
    observe::log(
        Level::Info, "native code in force",
        {{"generation", generation},
         {"ms", std::round(std::chrono::duration<double>(Clock::now() - start).count() * 1e6) / 1e3}});
  }
};

PackManager::PackManager(std::vector<std::string> files, Hooks hooks) : impl_(std::make_unique<Impl>()) {
  impl_->files = std::move(files);
  impl_->hooks = std::move(hooks);
}

PackManager::~PackManager() { stop(); }

void PackManager::stop() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
    impl_->outdated.request_stop();
  }
  impl_->wake.notify_all();
  for (std::thread* thread : {&impl_->compiler, &impl_->native}) {
    if (thread->joinable()) {
      thread->join();
    }
  }
}

ReloadOutcome PackManager::load_first() {
  ReloadOutcome outcome = impl_->attempt_reload(true);
  if (outcome.ok) {
    impl_->compiler = std::thread([this] { impl_->run_compiler(); });
    impl_->native = std::thread([this] { impl_->run_native(); });
  }
  return outcome;
}

void PackManager::reload(Trigger trigger, std::function<void(const ReloadOutcome&)> done) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->wanted = true;
    impl_->forced = impl_->forced || trigger == Trigger::Explicit;
    if (done) {
      impl_->waiting.push_back(std::move(done));
    }
  }
  impl_->wake.notify_all();
}

decision::Engine& PackManager::engine() {
  CHECK(impl_->engine != nullptr, "load_first must have succeeded");
  return *impl_->engine;
}

PackStatus PackManager::status() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->status;
}

std::vector<std::string> PackManager::watched_files() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<std::string> out = impl_->files;
  for (const auto& [path, text] : impl_->last_texts) {
    out.push_back(path);
  }
  return out;
}

}  // namespace catalyst::server
