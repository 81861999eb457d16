#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "runtime/value/json_text.h"

namespace catalyst::mcp {

enum class JsonFault : uint8_t { None, Malformed, BadUtf8, TooDeep, TooLarge, DuplicateKey };

/// Walks JSON text in place: simdjson finds the structure and checks UTF-8 and strings in one vectorised
/// pass, this class checks the grammar of everything it passes over and hands out views of the original
/// bytes. Unlike a lazy parser it never skips unchecked text and refuses duplicate keys at every level, so
/// that no two readers of the forwarded bytes can understand them differently.
///
/// Instances borrow their buffers from the thread and are cheap to make. Faults are sticky: after one,
/// everything answers "no more".
class JsonReader {
 public:
  static constexpr uint32_t kDepthMax = 1024;

  JsonReader();
  ~JsonReader();
  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;

  /// Which keys of an object count as the same.
  enum class Keys : uint8_t {
    Exact,
    Folded,  // also those that differ in upper and lower case alone: some readers take them for one
  };
  /// Starts on `text`, which must outlive the walk. False on a fault. `depth` is the nesting allowed, at most
  /// kDepthMax.
  bool open(std::string_view text, uint32_t depth = 64, Keys keys = Keys::Exact);
  [[nodiscard]] JsonFault fault() const { return fault_; }
  [[nodiscard]] bool failed() const { return fault_ != JsonFault::None; }

  /// First byte of the value the cursor is at ('{', '[', '"', 't', '-', ...), '\0' when there is none.
  [[nodiscard]] char peek() const;
  /// Where the value at the cursor starts, and where what was consumed last ends; to span several of them.
  [[nodiscard]] const char* position() const;
  [[nodiscard]] const char* consumed() const;
  /// Passes over one whole value and answers its text; empty on a fault.
  std::string_view value();
  /// Passes over a string and answers what stands between its quotes, still escaped; a null view when the
  /// value is not a string (it is passed over all the same).
  std::string_view string();

  /// Steps into the object at the cursor; false, and the value is passed over, when it is not one.
  bool enter_object();
  /// Moves to the next member and sets `key` (between its quotes, still escaped); its value must then be
  /// consumed. False behind the last member, and the object has been left.
  bool next_member(std::string_view& key);
  /// The same for arrays.
  bool enter_array();
  bool next_element();

  /// True when the top value has been consumed and nothing stands behind it.
  [[nodiscard]] bool finished() const;
  /// Whether what stands between the quotes of a string of this text is its own text. Most texts have no
  /// escape at all, and then no string is looked at.
  [[nodiscard]] bool is_plain(std::string_view inside) const {
    return !has_escapes_ || value::is_plain_json(inside);
  }

 private:
  struct Buffers;
  struct Lease;
  /// A container that has been entered and not left.
  struct Frame {
    uint64_t marks = 0;    // a bit for each key so far, by its hash
    uint32_t keys_at = 0;  // where its key hashes start
    char kind = '\0';      // '{', '[', or '\0' around the top value
    bool first = true;     // nothing consumed yet
    bool crowded = false;  // two keys share a mark: they may be the same
  };

  bool fail(JsonFault fault);
  [[nodiscard]] char token(uint32_t index) const;
  [[nodiscard]] std::string_view token_text(uint32_t index) const;
  [[nodiscard]] bool is_scalar(std::string_view text) const;
  std::string_view scalar();
  bool push(char kind);
  bool pop();
  bool take_key(std::string_view& key);
  bool note_key(std::string_view text);
  bool note_any_key(std::string_view key);
  bool note_hash(uint64_t hash);
  bool step(char end);
  bool skip_containers(uint32_t base);

  std::unique_ptr<Buffers> buffers_;
  std::string_view text_;
  const uint32_t* starts_ = nullptr;  // of the tokens, and behind the last one the length of the text
  uint32_t count_ = 0;                // of tokens
  uint32_t next_ = 0;
  uint32_t depth_max_ = 0;
  uint32_t depth_ = 0;
  uint32_t keys_ = 0;  // of all that have been entered
  Frame frame_;        // the innermost; those around it are in the buffers
  uint64_t fold_ = 0;  // the high bits of a word's bytes, where capital letters count as small ones
  JsonFault fault_ = JsonFault::None;
  bool has_escapes_ = true;
};

}  // namespace catalyst::mcp
