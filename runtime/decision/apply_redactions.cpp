#include "runtime/abi/unit.h"
#include "runtime/decision/apply.h"
#include "runtime/decision/engine.h"
#include "runtime/decision/scan.h"
#include "runtime/value/json_text.h"

namespace catalyst::decision {

namespace {

constexpr uint32_t kDepthMax = 512;  // of result JSON; deeper text counts as unreadable
constexpr std::string_view kUnreadable = R"({"content":[],"isError":true})";
constexpr std::string_view kRedacted = R"("[redacted]")";

using Path = std::span<const std::string_view>;

std::string text_of(const JsonScanner::Text& scanned) {
  std::string text(scanned.raw);
  if (scanned.escaped) {
    text.resize(unescape(scanned.raw, text.data()));
  }
  return text;
}

/// One redaction over one JSON text: copies what it reads to `out`, changed where the path says so.
class Redaction {
 public:
  Redaction(std::string_view text, const Pack& pack, std::span<const uint32_t> patterns, std::string& out)
      : text_(text), in_(text, kDepthMax), pack_(pack), patterns_(patterns), out_(out) {}

  /// False when the text is not JSON.
  bool run(Path path) {
    walk(path);
    copy_until_here();
    return !in_.failed() && in_.at_end();
  }

  /// As run, for a path into structured content, applied to JSON that stands as text inside content blocks.
  bool run_in_texts(Path path) {
    inner_ = path;
    const std::string_view blocks[] = {"content", "text"};
    walk(blocks);
    copy_until_here();
    return !in_.failed() && in_.at_end();
  }

  [[nodiscard]] size_t count() const { return count_; }

 private:
  [[nodiscard]] size_t here() const { return static_cast<size_t>(in_.position() - text_.data()); }

  void copy_until_here() {
    out_.append(text_, copied_, here() - copied_);
    copied_ = here();
  }

  /// Puts `json` where the value from `begin` to here stood.
  void replace(size_t begin, std::string_view json) {
    out_.append(text_, copied_, begin - copied_);
    out_ += json;
    copied_ = here();
    ++count_;
  }

  void walk(Path path) {
    const char c = in_.peek();
    const size_t begin = here();
    if (path.empty() && patterns_.empty() && inner_.empty()) {
      if (in_.skip()) {
        replace(begin, kRedacted);
      }
      return;
    }
    if (c == '{') {
      walk_object(path);
    } else if (c == '[') {
      walk_list(path);
    } else if (c == '"') {
      walk_string(path);
    } else if (path.empty() && (c == '-' || (c >= '0' && c <= '9'))) {
      walk_number();
    } else {
      in_.skip();
    }
  }

  void walk_object(Path path) {
    if (!in_.enter()) {
      return;
    }
    if (in_.peek() == '}') {
      in_.leave();
      return;
    }
    for (;;) {
      JsonScanner::Text key;
      if (in_.peek() != '"' || !in_.string(&key) || !in_.take(':')) {
        in_.fail();
        return;
      }
      if (path.empty()) {
        walk(path);
      } else if (path.front() == "*" || text_of(key) == path.front()) {
        walk(path.subspan(1));
      } else {
        in_.skip();
      }
      if (in_.peek() == '}') {
        in_.leave();
        return;
      }
      if (!in_.take(',')) {
        return;
      }
    }
  }

  void walk_list(Path path) {
    if (!in_.enter()) {
      return;
    }
    if (in_.peek() == ']') {
      in_.leave();
      return;
    }
    const Path rest = !path.empty() && path.front() == "*" ? path.subspan(1) : path;
    for (;;) {
      walk(rest);
      if (in_.failed()) {
        return;
      }
      if (in_.peek() == ']') {
        in_.leave();
        return;
      }
      if (!in_.take(',')) {
        return;
      }
    }
  }

  void walk_string(Path path) {
    const size_t begin = here();
    JsonScanner::Text scanned;
    if (!in_.string(&scanned) || !path.empty()) {
      return;
    }
    std::string text = text_of(scanned);
    if (!inner_.empty()) {
      redact_inside(begin, text);
      return;
    }
    size_t found = 0;
    for (const uint32_t pattern : patterns_) {
      found += pack_.redact(pattern, text);
    }
    if (found > 0) {
      replace(begin, value::json_string(text));
      count_ += found - 1;
    }
  }

  void redact_inside(size_t begin, const std::string& text) {
    std::string changed;
    Redaction inner(text, pack_, patterns_, changed);
    if (inner.run(inner_) && inner.count() > 0) {
      replace(begin, value::json_string(changed));
      count_ += inner.count() - 1;
    }
  }

  /// A card number may stand as a number. Only patterns with a checksum are looked for: others would take any
  /// number for a secret.
  void walk_number() {
    const size_t begin = here();
    std::string_view digits;
    bool integral = false;
    if (!in_.number(&digits, &integral)) {
      return;
    }
    for (const uint32_t pattern : patterns_) {
      std::string text(digits);
      if (pack_.unit().redactions[pattern].check != abi::Redaction::Check::None &&
          pack_.redact(pattern, text) > 0) {
        replace(begin, kRedacted);
        return;
      }
    }
  }

  std::string_view text_;
  JsonScanner in_;
  const Pack& pack_;
  std::span<const uint32_t> patterns_;
  std::string& out_;
  Path inner_;
  size_t copied_ = 0;
  size_t count_ = 0;
};

}  // namespace

std::string apply_redactions(std::string_view result_json, const Pack& pack,
                             std::span<const RedactEffect> redactions, size_t* count) {
  std::string text(result_json);
  std::string next;
  size_t total = 0;
  for (const RedactEffect& redaction : redactions) {
    next.clear();
    Redaction pass(text, pack, redaction.patterns, next);
    if (!pass.run(redaction.path)) {
      return std::string(kUnreadable);
    }
    total += pass.count();
    text.swap(next);
    // Servers repeat structured content as text; what is hidden in one must not stand in the other.
    if (redaction.path.size() > 1 && redaction.path.front() == "structuredContent") {
      next.clear();
      Redaction texts(text, pack, redaction.patterns, next);
      if (!texts.run_in_texts(redaction.path.subspan(1))) {
        return std::string(kUnreadable);
      }
      total += texts.count();
      text.swap(next);
    }
  }
  if (count != nullptr) {
    *count += total;
  }
  return text;
}

}  // namespace catalyst::decision
