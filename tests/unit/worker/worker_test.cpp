#include "compiler/driver/worker.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "compiler/driver/compile.h"
#include "compiler/driver/worker_job.h"

namespace catalyst::driver {
namespace {

constexpr size_t kAnswerMax = size_t{64} << 20;

Analysis rules(int count) {
  std::string text = "pack test.worker 1.0.0\nserver db\n";
  for (int i = 0; i < count; ++i) {
    const std::string n = std::to_string(i);
    text += "rule r" + n + " on call db.t" + n + " when principal.risk > " + n + " and principal.id =~ \"a" +
            n + ".*b\" deny \"no {principal.id}\"\n";
  }
  return analyze({{"worker.cata", text}});
}

std::optional<WorkerEnd> end_of(const Result<std::string>& answer) {
  return answer.has_error() ? worker_end(answer.error().code) : std::nullopt;
}

/// Processes whose parent this one is.
std::vector<pid_t> children() {
  std::vector<pid_t> out;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream in(task.path() / "children");
    for (pid_t pid = 0; in >> pid;) {
      out.push_back(pid);
    }
  }
  return out;
}

pid_t wait_for_child() {
  for (int i = 0; i < 2000; ++i) {
    if (const auto all = children(); !all.empty()) {
      return all.front();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return -1;
}

TEST(Worker, MakesTheSameCodeAsThisProcess) {
  const Analysis analysis = rules(20);
  ASSERT_NE(analysis.module, nullptr);
  const std::string job = emit_job(analysis, {});
  const auto here = do_job(job);
  ASSERT_TRUE(here.has_value()) << here.error().message();
  const auto there = Worker({}).ask(job, kAnswerMax, {});
  ASSERT_TRUE(there.has_value()) << there.error().message();
  EXPECT_EQ(*there, *here);
  EXPECT_TRUE(children().empty());
}

TEST(Worker, CompilesAUnit) {
  const Analysis analysis = rules(20);
  const Worker worker({});
  const auto made = compile_native(analysis, {.worker = &worker});
  ASSERT_TRUE(made.has_value()) << made.error().message();
  EXPECT_STREQ(made->unit->tier, "native");
  const auto hottest = compile_hottest(analysis, std::vector<uint64_t>(20, 1), {.worker = &worker});
  EXPECT_TRUE(hottest.has_value());
}

TEST(Worker, EndsAtItsTime) {
  const std::string job = emit_job(rules(3000), {});
  const auto start = std::chrono::steady_clock::now();
  const auto answer = Worker({.time_ms = 100}).ask(job, kAnswerMax, {});
  EXPECT_EQ(end_of(answer), WorkerEnd::Time);
  EXPECT_EQ(answer.error().message(), "not done within 100 ms: out of time");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_TRUE(children().empty());
}

TEST(Worker, EndsAtItsMemory) {
#if defined(CATALYST_SANITIZED)
  GTEST_SKIP() << "a sanitizer maps terabytes, so memory has no bound";
#endif
  const std::string job = emit_job(rules(3000), {});
  const auto answer = Worker({.memory_bytes = 24u << 20}).ask(job, kAnswerMax, {});
  EXPECT_EQ(end_of(answer), WorkerEnd::Memory) << answer.error().message();
  EXPECT_EQ(answer.error().message(), "more than 24 MiB: out of memory");
  EXPECT_TRUE(children().empty());
}

TEST(Worker, MayBeKilled) {
  const std::string job = emit_job(rules(3000), {});
  std::thread killer([] { ::kill(wait_for_child(), SIGKILL); });
  const auto answer = Worker({}).ask(job, kAnswerMax, {});
  killer.join();
  EXPECT_EQ(end_of(answer), WorkerEnd::Died);
  EXPECT_EQ(answer.error().message(), "killed by signal 9: the worker process died");
}

TEST(Worker, StopsWhenNobodyWantsItsCode) {
  const std::string job = emit_job(rules(3000), {});
  std::stop_source stop;
  std::thread asking([&] {
    wait_for_child();
    stop.request_stop();
  });
  const auto answer = Worker({}).ask(job, kAnswerMax, stop.get_token());
  asking.join();
  EXPECT_EQ(end_of(answer), WorkerEnd::Stopped);
  EXPECT_TRUE(children().empty());
  EXPECT_EQ(end_of(Worker({}).ask(job, kAnswerMax, stop.get_token())), WorkerEnd::Stopped);
}

TEST(Worker, RefusesWhatIsNoJob) {
  const auto answer = Worker({}).ask("nonsense", kAnswerMax, {});
  EXPECT_EQ(end_of(answer), WorkerEnd::Refused);
  EXPECT_NE(answer.error().message().find("no job"), std::string::npos) << answer.error().message();
  std::string job = emit_job(rules(3), {});
  job.resize(job.size() / 2);
  EXPECT_EQ(end_of(Worker({}).ask(job, kAnswerMax, {})), WorkerEnd::Refused);
  EXPECT_EQ(end_of(Worker({}).ask({}, kAnswerMax, {})), WorkerEnd::Died);
}

TEST(Worker, AnswersNoMoreThanAsked) {
  const auto answer = Worker({}).ask(emit_job(rules(200), {}), 1000, {});
  EXPECT_EQ(end_of(answer), WorkerEnd::Refused);
}

TEST(Worker, OfAProgramThatIsNotThere) {
  const auto answer = Worker({.program = "/nonexistent/catalyst"}).ask("x", kAnswerMax, {});
  EXPECT_EQ(end_of(answer), WorkerEnd::NotStarted);
  EXPECT_NE(answer.error().message().find("/nonexistent/catalyst: No such file"), std::string::npos);
}

std::string status_of(pid_t pid, const std::string& field) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(field + ":")) {
      return line.substr(line.find_first_not_of(" \t", field.size() + 1));
    }
  }
  return "";
}

TEST(Worker, HasNothingButItsPipes) {
  // Neither this descriptor nor this variable may arrive.
  const int secret = ::open("/dev/null", O_RDONLY);
  ::setenv("CATALYST_TEST_SECRET", "x", 1);
  std::vector<std::string> files;
  std::string environment = "?";
  std::string privileges;
  std::string filter;
  pid_t group = 0;
  std::thread looking([&] {
    const pid_t pid = wait_for_child();
    std::this_thread::sleep_for(std::chrono::milliseconds(60));  // it has bound itself
    const std::string at = "/proc/" + std::to_string(pid);
    std::error_code failure;
    for (const auto& file : std::filesystem::directory_iterator(at + "/fd", failure)) {
      files.push_back(file.path().filename());
    }
    std::ifstream in(at + "/environ");
    environment.assign(std::istreambuf_iterator<char>(in), {});
    privileges = status_of(pid, "NoNewPrivs");
    filter = status_of(pid, "Seccomp");
    group = ::getpgid(pid);
    EXPECT_EQ(group, pid);
    ::kill(pid, SIGKILL);
  });
  static_cast<void>(Worker({}).ask(emit_job(rules(5000), {}), kAnswerMax, {}));
  looking.join();
  ::close(secret);
  EXPECT_EQ(environment.find("SECRET"), std::string::npos);
  EXPECT_EQ(privileges, "1");
#if !defined(CATALYST_SANITIZED)
  EXPECT_EQ(filter, "2");
#endif
  // Only root may look: the worker cannot be traced.
  if (::geteuid() == 0) {
    EXPECT_EQ(files.size(), 3u);
  }
}

TEST(Worker, DiesWithWhoeverAsked) {
  const std::string job = emit_job(rules(5000), {});
  int line[2];
  ASSERT_EQ(::pipe(line), 0);
  const pid_t engine = ::fork();
  if (engine == 0) {
    std::thread telling([&] {
      const pid_t worker = wait_for_child();
      std::this_thread::sleep_for(std::chrono::milliseconds(60));
      [[maybe_unused]] const ssize_t written = ::write(line[1], &worker, sizeof worker);
      ::kill(::getpid(), SIGKILL);
    });
    static_cast<void>(Worker({}).ask(job, kAnswerMax, {}));
    ::_exit(1);
  }
  pid_t worker = 0;
  ASSERT_EQ(::read(line[0], &worker, sizeof worker), static_cast<ssize_t>(sizeof worker));
  int status = 0;
  ::waitpid(engine, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  ASSERT_GT(worker, 0);
  bool gone = false;
  for (int i = 0; i < 2000 && !gone; ++i) {
    const std::string state = status_of(worker, "State");
    gone = state.empty() || state.starts_with("Z") || state.starts_with("X");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(gone);
  ::close(line[0]);
  ::close(line[1]);
}

}  // namespace
}  // namespace catalyst::driver
