#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

#include "runtime/observe/audit.h"
#include "runtime/observe/log.h"
#include "runtime/observe/metrics.h"

namespace catalyst::observe {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, AreDocumented) {
  std::ifstream in("docs/operations.md");
  std::stringstream text;
  text << in.rdbuf();
  const std::string document = text.str();
  ASSERT_FALSE(document.empty());
#define METRIC(name, text, type, help)          \
  EXPECT_THAT(document, HasSubstr("| `" text)); \
  EXPECT_THAT(document, HasSubstr("| " help " |"));
#include "runtime/observe/metric.def"
#undef METRIC
}

TEST(Metrics, ShowsWhatWasRecorded) {
  Metrics metrics("1.2.3", {"files", "web"});
  metrics.request(method_of("tools/call"), metrics.server_index("web"), RequestStatus::Denied);
  metrics.request(method_of("made/up"), metrics.server_index("nobody"), RequestStatus::Ok);
  metrics.request_latency.observe_ns(3'000'000);
  const auto pack = metrics.counters_for({"one", "two"});
  pack->of(1).decisions[static_cast<size_t>(Decision::Deny)].add();
  pack->of(UINT32_MAX).decisions[static_cast<size_t>(Decision::Allow)].add(2);
  metrics.set_sources({[] { return std::vector<UpstreamSample>{{"web", "ready"}}; },
                       [] { return PackSample{"acme", "1.0", 2, 7, 0.5}; },
                       {}});
  const std::string text = metrics.text();
  EXPECT_THAT(text,
              HasSubstr(R"(catalyst_requests_total{method="tools/call",server="web",status="denied"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(catalyst_requests_total{method="other",server="",status="ok"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(catalyst_decisions_total{rule="two",verdict="deny"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(catalyst_decisions_total{rule="",verdict="allow"} 2)"));
  EXPECT_THAT(text, Not(HasSubstr(R"(rule="one")")));
  EXPECT_THAT(text, HasSubstr(R"(catalyst_request_seconds_bucket{le="0.0025"} 0)"));
  EXPECT_THAT(text, HasSubstr(R"(catalyst_request_seconds_count 1)"));
  EXPECT_THAT(text, HasSubstr(R"(catalyst_pack_info{pack="acme",version="1.0"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(catalyst_upstream_up{server="web"} 1)"));
}

TEST(Metrics, ARuleKeepsItsCountsOverReloads) {
  Metrics metrics("1", {});
  metrics.counters_for({"a", "b"})->of(0).decisions[0].add();
  metrics.counters_for({"b", "a"})->of(1).decisions[0].add();
  EXPECT_THAT(metrics.text(), HasSubstr(R"(catalyst_decisions_total{rule="a",verdict="allow"} 2)"));
}

TEST(Metrics, CountsFromManyThreads) {
  Histogram histogram;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&histogram] {
      for (int i = 0; i < 10'000; ++i) {
        histogram.observe_ns(1000);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(histogram.snapshot().count, 40'000u);
  EXPECT_EQ(histogram.snapshot().sum_ns, 40'000'000u);
}

TEST(Log, EscapesWhatCouldForgeALine) {
  std::string out;
  append_escaped(out, "a\n{\"b\"}\x1b[31m\\");
  EXPECT_EQ(out, R"(a\n{\"b\"}\u001b[31m\\)");
}

TEST(Log, EscapesAByteWhereverItStands) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    char code[8];
    std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(byte));
    const std::string expected = c == '"' || c == '\\'         ? std::string{'\\', c}
                                 : c == '\n'                   ? "\\n"
                                 : byte < 0x20 || byte == 0x7f ? std::string(code)
                                                               : std::string(1, c);
    for (size_t before = 0; before < 20; ++before) {
      for (size_t behind = 0; behind < 20; behind += behind < 9 ? 1 : 5) {
        std::string out = "=";
        const std::string text = std::string(before, '!') + c + c + std::string(behind, '\xe9');
        append_escaped(out, text);
        std::string plain(text.size() + kPlainRoom, '?');
        const char* const end = put_plain(plain.data(), text);
        ASSERT_EQ(end != nullptr, out == "=" + text) << byte;
        if (end != nullptr) {
          ASSERT_EQ(end, plain.data() + text.size());
          ASSERT_TRUE(plain.starts_with(text));
        }
        ASSERT_EQ(out, "=" + std::string(before, '!') + expected + expected + std::string(behind, '\xe9'));
      }
    }
  }
}

TEST(Log, WritesTimesAsRfc3339Has) {
  const auto text = [](int64_t us) {
    char out[kTimeBytes];
    return std::string(out, put_time(out, us));
  };
  EXPECT_EQ(text(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(text(1'709'251'199'999'999), "2024-02-29T23:59:59.999999Z");
  EXPECT_EQ(text(1'795'672'371'000'042), "2026-11-26T05:52:51.000042Z");
  EXPECT_EQ(text(1'795'672'371'999'999), "2026-11-26T05:52:51.999999Z");
  EXPECT_EQ(text(1'795'672'372'000'000), "2026-11-26T05:52:52.000000Z");
  EXPECT_EQ(text(-1), "1969-12-31T23:59:59.999999Z");
}

TEST(Audit, WritesRecordsSoonWhetherTheyComeAloneOrTogether) {
  const std::string path = testing::TempDir() + "audit_soon_test.jsonl";
  std::remove(path.c_str());
  auto audit = AuditLog::open(path);
  ASSERT_TRUE(audit.has_value());
  int expected = 0;
  // The writer has gone to sleep, has just written, or lingers.
  for (const auto pause : {50 * AuditLog::kLinger, 0 * AuditLog::kLinger, AuditLog::kLinger}) {
    for (int i = 0; i < 3; ++i) {
      std::this_thread::sleep_for(pause);
      (*audit)->append("{}");
      ++expected;
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    std::string all;
    while (std::count(all.begin(), all.end(), '\n') < expected &&
           std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
      std::ostringstream text;
      text << std::ifstream(path).rdbuf();
      all = text.str();
    }
    EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), expected);
  }
}

TEST(Audit, WritesEveryRecordAndFollowsRotation) {
  const std::string path = testing::TempDir() + "audit_test.jsonl";
  const std::string moved = path + ".1";
  std::remove(path.c_str());
  {
    auto audit = AuditLog::open(path);
    ASSERT_TRUE(audit.has_value());
    for (int i = 0; i < 1000; ++i) {
      (*audit)->append("{\"n\":" + std::to_string(i) + "}");
    }
    while (std::ifstream(path).peek() == std::ifstream::traits_type::eof()) {
      std::this_thread::yield();
    }
    std::rename(path.c_str(), moved.c_str());
    (*audit)->reopen();
    (*audit)->append("{\"last\":true}");
  }
  std::ostringstream text;
  text << std::ifstream(moved).rdbuf() << std::ifstream(path).rdbuf();
  const std::string all = text.str();
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 1001);
  EXPECT_THAT(all, HasSubstr("{\"n\":999}\n"));
  EXPECT_THAT(all, HasSubstr("{\"last\":true}\n"));
  EXPECT_TRUE(AuditLog::open("/nowhere/at/all").has_error());
}

}  // namespace
}  // namespace catalyst::observe
