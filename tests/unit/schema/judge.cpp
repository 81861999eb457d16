// Reads lines of {"schema": ..., "data": ...} and writes for each "valid", "invalid: why" or "error: why".

#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "runtime/schema/schema.h"

int main() {
  using catalyst::schema::Schema;
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto parsed = nlohmann::ordered_json::parse(line);
    const auto schema = Schema::compile(parsed["schema"].dump());
    if (schema.has_error()) {
      std::cout << "error: " << schema.error().message() << "\n";
      continue;
    }
    const auto outcome = (*schema)->validate(parsed["data"].dump());
    std::cout << (outcome.valid ? "valid" : "invalid: " + outcome.text()) << "\n";
  }
}
