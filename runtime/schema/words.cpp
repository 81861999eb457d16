#include "runtime/schema/words.h"

#include <cstdio>

namespace catalyst::schema {

std::string types_text(uint8_t types) {
  static constexpr std::pair<TypeBit, const char*> kNames[] = {
      {kString, "text"},      {kInteger, "a whole number"},
      {kNumber, "a number"},  {kBoolean, "true or false"},
      {kObject, "an object"}, {kArray, "a list"},
      {kNull, "null"}};
  std::string out;
  for (const auto& [bit, name] : kNames) {
    if ((types & bit) != 0) {
      out += (out.empty() ? "" : " or ") + std::string(name);
    }
  }
  return out;
}

std::string shown(Element element) {
  std::string text = simdjson::minify(element);
  if (text.size() > kShownBytes) {
    text.resize(kShownBytes);
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) {
      text.pop_back();  // no half character
    }
    text.pop_back();
    text += "...";
  }
  return text;
}

std::string shown(long double number) {
  char text[48];
  std::snprintf(text, sizeof text, "%.17Lg", number);
  return text;
}

}  // namespace catalyst::schema
