#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace catalyst::decision {

/// Writes JSON text in one form for equal objects: without blanks, members in the order of their names,
/// scalars byte for byte as they came. Two texts with the same form say the same, in the eyes of every
/// reader; the reverse is not promised (`1` and `1.0`, escapes). Keeps its scratch: allocates nothing once
/// warm.
class CanonicalJson {
 public:
  /// Appends the form of `text` (empty: `{}`) to `out`. False, and nothing of use appended, when a strict
  /// reader would refuse the text, when a member is repeated, or when it is nested deeper than `depth`.
  bool append(std::string_view text, uint32_t depth, std::string& out);

 private:
  struct Member {
    std::string_view name;  // between its quotes
    size_t begin = 0;       // in the output
    size_t end = 0;
  };
  bool append_value(class JsonScanner& in, std::string& out);
  bool append_list(JsonScanner& in, std::string& out);
  bool append_object(JsonScanner& in, std::string& out);
  bool sort_members(size_t first, std::string& out);

  std::vector<Member> members_;  // of the objects that are open
  std::string sorted_;
};

}  // namespace catalyst::decision
