#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/analysis/solver.h"
#include "runtime/decision/request.h"
#include "runtime/decision/said_windows.h"

namespace catalyst::analysis {

/// A request as an example: what a formula's model looks like to the engine. Owns its texts.
struct Witness {
  abi::Hook hook = abi::Hook::Call;
  std::string server = "server";
  std::string tool = "tool";
  std::string principal_id = "someone";
  std::string tenant;
  std::vector<std::string> roles;
  int64_t risk = 0;
  bool mfa = false;
  std::string claims = "{}";
  std::string session_id;
  std::string protocol;
  std::string client_name;
  std::string client_version;
  std::string client_ip;
  std::string args = "{}";
  std::string result;
  std::string definition;
  int64_t now_us = kNow;
  std::map<std::string, std::string> windows;  // as they are written: a decimal number; the others are 0

  static constexpr int64_t kNow = 1'767'268'800'000'000;  // 2026-01-01T12:00:00Z

  /// One JSON object, as `catalyst eval --request` reads it; what is as by default is left out.
  [[nodiscard]] std::string to_json() const;
  /// `call db.query {"sql":"..."} by {"id":"ana"}`: for messages.
  [[nodiscard]] std::string to_text() const;
};

/// Views of a witness for the engine; the witness must outlive it and stay where it is.
class WitnessRequest {
 public:
  explicit WitnessRequest(const Witness& witness);
  WitnessRequest(const WitnessRequest&) = delete;
  WitnessRequest& operator=(const WitnessRequest&) = delete;
  [[nodiscard]] const decision::Request& get() const { return request_; }

 private:
  std::vector<std::string_view> roles_;
  decision::Principal principal_;
  decision::SaidWindows windows_;
  decision::Request request_;
};

/// What `model` has at a place, as JSON.
std::string node_json(const World& world, const Model& model, NodeId node);

/// The request that `model` describes; what it leaves open is as in `base`.
Witness make_witness(const World& world, const Model& model, const Witness& base);

}  // namespace catalyst::analysis
