// Host functions of stdlib/regex.cata. RE2 runs in time linear in the text for each search; a search that
// finds its match early leaves the rest unread, so it pays for what it passed and a little for the rest.

#include <re2/re2.h>

#include <array>

#include "runtime/value/library.h"
#include "runtime/value/regex_set.h"
#include "runtime/value/utf8.h"

namespace catalyst::value::library {
namespace {

using re2::StringPiece;

constexpr int kGroupsMax = 16;  // behind the whole match; further ones are not reported

/// A group that took no part is an empty text, not one without an address.
std::string_view view(const StringPiece& piece) {
  return piece.data() == nullptr ? std::string_view("") : std::string_view(piece.data(), piece.size());
}

const re2::RE2& pattern_of(const Scratch& scratch, const Value& number) {
  return scratch.regexes->at(static_cast<uint32_t>(number.a.integer));
}

/// The matches of a pattern, one after the other, each charged.
class Search {
 public:
  Search(const Scratch& scratch, const Value* arguments)
      : scratch_(scratch),
        regex_(pattern_of(scratch, arguments[1])),
        text_(arguments[0].text().data(), arguments[0].length),
        wanted_(std::min(regex_.NumberOfCapturingGroups(), kGroupsMax) + 1) {}

  /// False at the end, or when `status` is not Ok. `groups`: how many the caller reads, the whole match
  /// included.
  bool next(int groups) {
    if (at_ > text_.size()) {
      return false;
    }
    const bool found = regex_.Match(text_, at_, text_.size(), re2::RE2::UNANCHORED, groups_.data(),
                                    std::min(groups, wanted_));
    const size_t end =
        found ? static_cast<size_t>(groups_[0].data() - text_.data()) + groups_[0].size() : text_.size();
    status_ = scratch_.charge(1 + (end - at_) / 64 + (text_.size() - end) / 4096);
    if (!found || status_ != Status::Ok) {
      return false;
    }
    at_ = end;
    if (groups_[0].empty()) {  // moves on by a character
      const size_t length = end < text_.size() ? utf8_length(view(text_), end) : 1;
      at_ += length == 0 ? 1 : length;
    }
    return true;
  }

  [[nodiscard]] Status status() const { return status_; }
  [[nodiscard]] std::string_view group(int i) const { return view(groups_[static_cast<size_t>(i)]); }
  [[nodiscard]] bool took_part(int i) const { return groups_[static_cast<size_t>(i)].data() != nullptr; }
  [[nodiscard]] size_t begin() const { return static_cast<size_t>(groups_[0].data() - text_.data()); }
  [[nodiscard]] size_t end() const { return begin() + groups_[0].size(); }
  [[nodiscard]] int groups() const { return wanted_; }
  [[nodiscard]] const re2::RE2& regex() const { return regex_; }

 private:
  const Scratch& scratch_;
  const re2::RE2& regex_;
  StringPiece text_;
  int wanted_;
  size_t at_ = 0;
  Status status_ = Status::Ok;
  std::array<StringPiece, kGroupsMax + 1> groups_;
};

/// What `\0` to `\9` in a replacement stand for; `\\` is a backslash, any other stays what it is.
template <class Take>
void expand(std::string_view by, const Search& search, Take take) {
  for (size_t i = 0; i < by.size(); i++) {
    const char next = by[i] == '\\' && i + 1 < by.size() ? by[i + 1] : '\0';
    if (next >= '0' && next <= '9') {
      take(next - '0' < search.groups() ? search.group(next - '0') : std::string_view());
      i++;
    } else if (next == '\\') {
      take(by.substr(i, 1));
      i++;
    } else {
      take(by.substr(i, 1));
    }
  }
}

/// Walks over the result of a replacement, piece by piece.
template <class Take>
Status replaced(const Scratch& scratch, const Value* arguments, Take take) {
  Search search(scratch, arguments);
  const std::string_view text = arguments[0].text();
  size_t copied = 0;
  while (search.next(kGroupsMax + 1)) {
    take(text.substr(copied, search.begin() - copied));
    expand(arguments[2].text(), search, take);
    copied = search.end();
  }
  take(text.substr(copied));
  return search.status();
}

}  // namespace

Status regex_find(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  Search search(scratch, arguments);
  const bool found = search.next(1);
  return search.status() != Status::Ok
             ? search.status()
             : give(out, found ? Value::of_string(search.group(0)) : Value::absent());
}

Status regex_find_all(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  Search search(scratch, arguments);
  ListWriter found(scratch);
  while (search.next(1)) {
    if (!found.add(search.group(0))) {
      return Status::OutOfMemory;
    }
  }
  return search.status() != Status::Ok ? search.status() : found.finish(out);
}

Status regex_groups(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  Search search(scratch, arguments);
  ListWriter groups(scratch);
  if (search.next(kGroupsMax + 1)) {
    for (int i = 1; i < search.groups(); i++) {
      if (!groups.add(search.group(i))) {
        return Status::OutOfMemory;
      }
    }
  }
  return search.status() != Status::Ok ? search.status() : groups.finish(out);
}

Status regex_named(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  Search search(scratch, arguments);
  const bool found = search.next(kGroupsMax + 1);
  if (search.status() != Status::Ok) {
    return search.status();
  }
  const auto& names = search.regex().CapturingGroupNames();
  Entry* entries = scratch.arena->alloc_array<Entry>(names.size());
  if (entries == nullptr) {
    return Status::OutOfMemory;
  }
  uint32_t count = 0;
  for (const auto& [number, name] : names) {
    if (found && number < search.groups() && search.took_part(number)) {
      entries[count++] = {name, Value::of_string(search.group(number))};
    }
  }
  return give(out, Value::of_map(entries, count));
}

Status regex_replace(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  uint64_t bytes = 0;
  if (const Status status =
          replaced(scratch, arguments, [&](std::string_view part) { bytes += part.size(); });
      status != Status::Ok) {
    return status;
  }
  TextWriter writer(scratch, bytes);
  if (writer.status() != Status::Ok) {
    return writer.status();
  }
  const Status status = replaced(scratch, arguments, [&](std::string_view part) { writer.add(part); });
  return status == Status::Ok ? writer.finish(out) : status;
}

Status regex_split(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  Search search(scratch, arguments);
  const std::string_view text = arguments[0].text();
  ListWriter parts(scratch);
  size_t from = 0;
  while (search.next(1)) {
    if (search.end() == search.begin()) {
      continue;
    }
    if (!parts.add(text.substr(from, search.begin() - from))) {
      return Status::OutOfMemory;
    }
    from = search.end();
  }
  if (search.status() != Status::Ok) {
    return search.status();
  }
  return parts.add(text.substr(from)) ? parts.finish(out) : Status::OutOfMemory;
}

}  // namespace catalyst::value::library
