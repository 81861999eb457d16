#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

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

 private:
  struct Buffers;
  struct Lease;

  bool fail(JsonFault fault);
  [[nodiscard]] char token(uint32_t index) const;
  [[nodiscard]] std::string_view token_text(uint32_t index) const;
  bool check_scalar(uint32_t index);
  bool push(char kind);
  bool pop();
  bool take_key(std::string_view& key);
  bool skip_containers(size_t base);

  std::unique_ptr<Buffers> buffers_;
  std::string_view text_;
  uint32_t next_ = 0;
  uint32_t depth_max_ = 0;
  Keys keys_ = Keys::Exact;
  JsonFault fault_ = JsonFault::None;
};

}  // namespace catalyst::mcp
