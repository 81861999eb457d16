#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "compiler/driver/packs.h"
#include "runtime/base/result.h"
#include "runtime/decision/engine.h"

namespace catalyst::server {

/// A policy that can decide: from files, or from a pack.
struct Policy {
  std::shared_ptr<const driver::Analysis> analysis;
  std::shared_ptr<const decision::Pack> pack;  // packed at first, then native
  const char* tier = "packed";
  // Of packs alone:
  int64_t id = 0;  // in the store; 0: not there
  uint64_t sequence = 0;
  std::string digest;
  std::vector<std::string> signed_by;
  std::vector<pack::SourceText> schemas;
  std::string native;         // object code, until it was tried
  std::string native_unused;  // why there is some that is not used

  [[nodiscard]] const std::string& name() const { return analysis->module->pack_name; }
  [[nodiscard]] const std::string& version() const { return analysis->module->pack_version; }
  [[nodiscard]] uint32_t rules() const { return static_cast<uint32_t>(analysis->module->rules.size()); }
};

/// Compiles the packed form.
std::shared_ptr<Policy> make_policy(std::shared_ptr<const driver::Analysis> analysis);
/// Everything about the pack is verified first. Errors carry a pack::Refusal.
Result<std::shared_ptr<Policy>> open_policy(std::string_view bytes, const driver::LoadOptions& options);

/// One reading of policy files: all texts, and what they mean.
struct PolicyReading {
  std::vector<std::pair<std::string, std::string>> texts;  // path and content; a missing file has "\0missing"
  std::shared_ptr<driver::Analysis> analysis;              // nullptr: `failure` says why
  std::shared_ptr<Policy> from_pack;                       // when the file is a pack
  std::string failure;
};
/// Compiles within `options.budget`. `files`: policy files, folders of such, or one pack. `schemas` remembers
/// what was read for the next reading.
PolicyReading read_policy(const std::vector<std::string>& files, const driver::LoadOptions& options,
                          check::SchemaCache& schemas);

}  // namespace catalyst::server
